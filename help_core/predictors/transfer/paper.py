"""The paper machine: latency guessed from what a network has to do, before any measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.base import GeneSpace

FIXED_SHARE = 0.3
"""Of the latency of a typical network, what does not depend on the architecture."""
MULTIPLY_ADDS_SHARE = 0.6
"""Of the rest, what goes with multiply-adds; the remainder goes with all physics alike."""
LEAST = 0.05


@dataclass(frozen=True, slots=True)
class PaperMachine:
    """A device on which every kind of work takes about its share of the time."""

    weights: FloatArray
    """Of raw physics features, ``[features]``."""
    offset: float

    @classmethod
    def fit(cls, space: GeneSpace, references: IntArray) -> PaperMachine:
        """Relative to the mean of the reference architectures ``[r, genes]``.

        Multiply-adds are a linear function of the physics, or nearly, in every space.
        """
        physics = space.features(references, "physics")
        costs = (space.cost(one) for one in space.from_genes(references))
        work = np.array([cost.multiply_adds for cost in costs], dtype=np.float64)
        work /= work.mean()
        design = np.column_stack([np.ones(len(work)), physics])
        linear = np.linalg.lstsq(design, work, rcond=None)[0]
        mean = physics.mean(axis=0)
        varies = (mean > 1e-9) & (physics.std(axis=0) > 1e-9)
        alike = np.where(varies, 1 / np.maximum(mean, 1e-9), 0) / max(int(varies.sum()), 1)
        rest = (1 - FIXED_SHARE) * (1 - MULTIPLY_ADDS_SHARE)
        paid = (1 - FIXED_SHARE) * MULTIPLY_ADDS_SHARE
        return cls(paid * linear[1:] + rest * alike, FIXED_SHARE + paid * float(linear[0]))

    def latency(self, space: GeneSpace, genes: IntArray) -> FloatArray:
        """Relative latencies ``[n]`` of genotypes ``[n, genes]``, positive."""
        physics = space.features(genes, "physics")
        return np.maximum(physics @ self.weights + self.offset, LEAST)
