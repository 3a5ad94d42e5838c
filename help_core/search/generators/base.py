"""What a generator of candidates is asked, and what it may ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Protocol

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.base import GeneSpace


@dataclass(frozen=True, slots=True)
class Judgement:
    """Predicted latency and score of ``n`` architectures."""

    latency_ms: FloatArray
    """``[n]``, on the slowest of the devices."""
    score: FloatArray
    """``[n]``, larger is better; NaN where an architecture may not be offered."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A search space and the way to judge its architectures, many at a time."""

    space: GeneSpace
    judge: Callable[[IntArray], Judgement]
    """Takes canonical genotypes ``[n, genes]``."""
    limit_ms: float = inf
    """No answer is wanted above it."""


class Generator(Protocol):
    """Proposes candidates.

    A package adds one with an entry point in the group ``help_fleet.generators`` that names
    such a callable.
    """

    def __call__(self, problem: Problem, rng: np.random.Generator) -> IntArray:
        """Genotypes ``[n, genes]`` worth choosing from; the same seed gives the same ones."""
