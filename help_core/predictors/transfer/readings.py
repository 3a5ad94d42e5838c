"""What of an architecture a device executes: all that is written, or what has an effect.

Frameworks that take a network at its word execute operations whose result nobody uses. A
graph that was traced back from its outputs lacks them, but still convolves zeros; a builder
or an optimiser that knows of zeros leaves these out, too. Tables are of all kinds, and nobody
says of which kind a new device is: its measurements do. Where a space has no such operations
there is only one reading.
"""

from __future__ import annotations

from enum import Enum

from help_core.arrays import IntArray
from help_core.spaces.base import GeneSpace, HollowSpace


class Reading(Enum):
    """What is executed."""

    WRITTEN = "written"
    TRACED = "traced"
    PRUNED = "pruned"


CHANCES = {Reading.WRITTEN: 0.6, Reading.TRACED: 0.2, Reading.PRUNED: 0.2}
"""Before any measurement, of a device of which nothing is known."""
DOUBT = 0.01
"""Left to each other reading where a support says how its networks were built."""


def chances(space: GeneSpace, pruned: bool | None) -> dict[Reading, float]:
    """How likely each reading is, given what is known of the measurements."""
    possible = readings(space)
    if len(possible) == 1:
        return {possible[0]: 1.0}
    if pruned is None:
        return CHANCES
    others = [one for one in possible if pruned is not (one is Reading.PRUNED)]
    rest = (1 - DOUBT * len(others)) / (len(possible) - len(others))
    return {one: DOUBT if one in others else rest for one in possible}


def readings(space: GeneSpace) -> tuple[Reading, ...]:
    """Those that differ in a space."""
    return tuple(Reading) if isinstance(space, HollowSpace) else (Reading.WRITTEN,)


def executed(space: GeneSpace, genes: IntArray, reading: Reading) -> IntArray:
    """What is left of genotypes ``[n, genes]``."""
    if reading is Reading.WRITTEN or not isinstance(space, HollowSpace):
        return genes
    return space.pruned(genes) if reading is Reading.PRUNED else space.traced(genes)
