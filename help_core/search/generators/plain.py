"""The whole space, and a sample of it."""

from __future__ import annotations

import numpy as np

from help_core.arrays import IntArray
from help_core.errors import BadInput
from help_core.search.generators.base import Problem
from help_core.spaces.base import EnumerableSpace, sample_genes

SAMPLED = 20_000


def exhaustive(problem: Problem, rng: np.random.Generator) -> IntArray:
    """Every architecture; raises ``BadInput`` where the space is too large to list."""
    if not isinstance(problem.space, EnumerableSpace):
        raise BadInput(f"{problem.space.name} is too large to list")
    return problem.space.all_genes()


def random(problem: Problem, rng: np.random.Generator) -> IntArray:
    """Architectures drawn uniformly."""
    return sample_genes(problem.space, SAMPLED, rng)
