"""The weights of a once-for-all supernet, by one spelling of their names.

The releases spell them in two ways: the inner block is ``mobile_inverted_conv`` or ``conv``,
and a layer of elastic width wraps the plain one (``conv.conv.weight``, ``bn.bn.weight``).
Here both are ``blocks.3.depth_conv.conv.weight`` and ``blocks.3.depth_conv.bn.weight``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from help_core.accuracy.once_for_all import read_state
from help_core.arrays import AnyArray
from help_core.errors import BadCheckpoint

_BLOCK = re.compile(r"^blocks\.([0-9]+)\.(?:mobile_inverted_conv|conv)\.")
_WRAPPED = (
    (re.compile(r"\.conv\.conv\.weight$"), ".conv.weight"),
    (re.compile(r"\.bn\.bn\."), ".bn."),
    (re.compile(r"\.linear\.linear\."), ".linear."),
)


@dataclass(frozen=True, slots=True)
class Supernet:
    """Tensors by normalised name."""

    source: str
    tensors: Mapping[str, Any]

    @property
    def classes(self) -> int:
        """Outputs of its classifier."""
        return int(self.array("classifier.linear.bias").shape[0])

    def has(self, name: str) -> bool:
        """Whether there is such a tensor."""
        return name in self.tensors

    def array(self, name: str) -> AnyArray:
        """A tensor as single-precision numbers; raises ``BadCheckpoint``."""
        tensor = self.tensors.get(name)
        if tensor is None:
            raise BadCheckpoint(
                f"{self.source}: has no {name}; it is not an OFA-MobileNetV3 supernet of"
                " once-for-all"
            )
        array: AnyArray = tensor.float().numpy()
        if not np.isfinite(array).all():
            raise BadCheckpoint(f"{self.source}: {name} holds numbers that are not finite")
        return array

    def part(self, name: str, *sizes: int) -> AnyArray:
        """The first ``sizes`` of each axis of a tensor, which must have as many."""
        array = self.array(name)
        if array.ndim < len(sizes) or any(
            have < want for have, want in zip(array.shape, sizes, strict=False)
        ):
            raise BadCheckpoint(
                f"{self.source}: {name} is {array.shape}, too small for {sizes}; is it of another"
                " width?"
            )
        return array[tuple(slice(size) for size in sizes)]


def load_supernet(path: Path) -> Supernet:
    """Reads the file of a supernet without executing anything in it; raises ``BadCheckpoint``."""
    return Supernet(str(path), {plain_name(name): each for name, each in read_state(path).items()})


def plain_name(name: str) -> str:
    """The one spelling of a parameter's name."""
    name = _BLOCK.sub(r"blocks.\1.", str(name).removeprefix("module."))
    for pattern, replacement in _WRAPPED:
        name = pattern.sub(replacement, name)
    return name
