"""What of an architecture a device executes: all that is written, or what has an effect.

Frameworks that take a network at its word execute operations whose result nobody uses;
runtimes that optimise the graph remove them. The tables of a benchmark are mostly of the
first kind, an onnxruntime is of the second, and nobody says which a new device is: its
measurements do. Where a space has no such operations there is only one reading.
"""

from __future__ import annotations

from enum import Enum

from help_core.arrays import IntArray
from help_core.spaces.base import GeneSpace, HollowSpace


class Reading(Enum):
    """What is executed."""

    WRITTEN = "written"
    PRUNED = "pruned"


CHANCE_OF_PRUNING = 0.25
"""Before any measurement, of a device of which nothing is known: benchmarks do not prune."""
CERTAIN = 0.99
"""Of what a support says of itself."""


def chances(space: GeneSpace, pruned: bool | None) -> dict[Reading, float]:
    """How likely each reading is, given what is known of the measurements."""
    if len(readings(space)) == 1:
        return {Reading.WRITTEN: 1.0}
    chance = CHANCE_OF_PRUNING if pruned is None else CERTAIN if pruned else 1 - CERTAIN
    return {Reading.WRITTEN: 1 - chance, Reading.PRUNED: chance}


def readings(space: GeneSpace) -> tuple[Reading, ...]:
    """Those that differ in a space."""
    return tuple(Reading) if isinstance(space, HollowSpace) else (Reading.WRITTEN,)


def executed(space: GeneSpace, genes: IntArray, reading: Reading) -> IntArray:
    """What is left of genotypes ``[n, genes]``."""
    if reading is Reading.PRUNED and isinstance(space, HollowSpace):
        return space.pruned(genes)
    return genes
