"""FBNet strings: 22 operation names joined by ``-``."""

from __future__ import annotations

from collections.abc import Sequence

from help_core.errors import BadArchitecture
from help_core.spaces.fbnet.layers import LAYERS, NAMES

_INDEX = {name: index for index, name in enumerate(NAMES)}
_LONGEST = LAYERS * (max(map(len, NAMES)) + 1)


def format_operations(genes: Sequence[int]) -> str:
    """The string of 22 operation indices."""
    return "-".join(NAMES[gene] for gene in genes)


def parse_operations(text: str) -> tuple[int, ...]:
    """The 22 operation indices of a string; raises ``BadArchitecture``."""
    if len(text) > _LONGEST:
        raise BadArchitecture(
            f"FBNet architecture {text[:40]!r}… has {len(text)} characters; "
            f"{LAYERS} operation names have at most {_LONGEST}"
        )
    names = text.split("-")
    for layer, name in enumerate(names[:LAYERS], start=1):
        if name not in _INDEX:
            raise BadArchitecture(
                f"FBNet layer {layer} is {name[:40]!r}; it must be one of {', '.join(NAMES)}"
            )
    if len(names) != LAYERS:
        raise BadArchitecture(
            f"FBNet architecture {text[:60]!r} names {len(names)} operations "
            f"joined by '-', not {LAYERS}"
        )
    return tuple(_INDEX[name] for name in names)
