"""What a network makes a device run, step by step: the finest physics that a space can tell.

A step is one convolution, pooling or addition. A network is a list of layers, a layer is of
one of a few kinds, and a kind is a few steps. What a device takes for a whole network is, to
first order, the sum of what it takes for the layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Protocol, runtime_checkable

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.base import GeneSpace


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel that runs, for one image. Multiply-adds stand under one of the classes."""

    dense: int = 0
    """Multiply-adds of a convolution with one group."""
    grouped: int = 0
    depthwise: int = 0
    elementwise: int = 0
    """Additions, or comparisons of a pooling."""
    kernel: int = 1
    """Pixels on a side of its window."""
    inside: int = 1
    """Input channels."""
    outside: int = 1
    """Output channels."""
    pixels: int = 1
    """Of its output."""
    activations: int = 0
    """Read and written."""
    weights: int = 0


STEP_FIELDS = tuple(field.name for field in fields(Step))


def step_table(kinds: Sequence[Sequence[Step]]) -> FloatArray:
    """``[kinds, most steps of a kind, STEP_FIELDS]``; rows of zeros where there is no step."""
    most = max(len(steps) for steps in kinds)
    table = np.zeros((len(kinds), most, len(STEP_FIELDS)))
    for row, steps in zip(table, kinds, strict=True):
        for place, step in zip(row, steps, strict=False):
            place[:] = astuple(step)
    return table


@runtime_checkable
class SteppedSpace(GeneSpace, Protocol):
    """A gene space that can say what its networks make a device run."""

    def layer_steps(self) -> FloatArray:
        """The steps of each kind of layer, ``[kinds, steps, STEP_FIELDS]``."""

    def layer_kinds(self, genes: IntArray) -> IntArray:
        """The kinds of the layers of genotypes ``[n, genes]``, ``[n, layers]``; -1 for none."""
