"""Labels, durations and counts as people type them, on a command line or in a form."""

from __future__ import annotations

import re
from collections.abc import Sequence

from help_core.errors import BadInput

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_COUNTS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9}
_COUNT = re.compile(r"(\d+(?:\.\d+)?)([KMG]?)", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def parse_duration(text: str) -> float | None:
    """Seconds of "90s", "2h" …, ``None`` of nothing; raises ``BadInput``."""
    if not text:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise BadInput(f"{text!r} is no duration; write for example 90s, 30m, 2h or 1d")
    return float(found[1]) * _UNITS_S[found[2]]


def parse_count(text: str) -> int | None:
    """A number of "5000000", "5M", "1.2G" …, ``None`` of nothing; raises ``BadInput``."""
    if not text:
        return None
    found = _COUNT.fullmatch(text)
    if found is None:
        raise BadInput(f"{text!r} is no count; write for example 5000000, 5M or 1.2G")
    return round(float(found[1]) * _COUNTS[found[2].upper()])


def parse_labels(texts: Sequence[str] | None) -> dict[str, str]:
    """Labels of KEY=VALUE each; raises ``BadInput``."""
    labels: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise BadInput(f"{text!r} is no label; write KEY=VALUE")
        labels[key] = value
    return labels


def parse_label_changes(texts: Sequence[str] | None) -> dict[str, str | None]:
    """As ``parse_labels``, and ``KEY-`` removes a label."""
    changes: dict[str, str | None] = {}
    for text in texts or ():
        if text.endswith("-") and "=" not in text:
            changes[text[:-1]] = None
        else:
            changes |= parse_labels([text])
    return changes
