"""``flops``: latency as a straight line in multiply-adds, the field's oldest proxy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.predictors.base import Prediction, Support
from help_core.predictors.intervals import relative_interval
from help_core.spaces.base import GeneSpace, sample_genes


@dataclass(frozen=True, slots=True)
class FlopsPredictor:
    """Ranks by multiply-adds; the support only gives the line its slope and offset.

    The ranking knows nothing of the device, so a single measurement is enough.
    """

    space: GeneSpace
    name: str = "flops"

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        """Random architectures ``[count, genes]``."""
        return sample_genes(self.space, count, rng)

    def adapt(self, support: Support, rng: np.random.Generator) -> AdaptedFlops:
        """Least squares with slope and offset not below 0; raises ``BadInput`` if empty."""
        if not len(support):
            raise BadInput("flops needs at least 1 support point to give latencies in ms")
        work = multiply_adds(self.space, support.genes)
        slope, offset = _line(work, support.latency_ms)
        fitted = offset + slope * work
        return AdaptedFlops(
            self.space, slope, offset, relative_interval(fitted, support.latency_ms, 2)
        )


@dataclass(frozen=True, slots=True)
class AdaptedFlops:
    """The line of one device."""

    space: GeneSpace
    slope_ms: float
    offset_ms: float
    half_width: float

    def predict(self, genes: IntArray) -> Prediction:
        """Latencies of genotypes ``[n, genes]``."""
        latency_ms = self.offset_ms + self.slope_ms * multiply_adds(self.space, genes)
        margin = self.half_width * latency_ms
        return Prediction(latency_ms, np.maximum(latency_ms - margin, 0), latency_ms + margin)


def multiply_adds(space: GeneSpace, genes: IntArray) -> FloatArray:
    """Multiply-adds ``[n]``, in millions, of genotypes ``[n, genes]``."""
    costs = (space.cost(architecture) for architecture in space.from_genes(genes))
    return np.array([cost.multiply_adds / 1e6 for cost in costs])


def _line(work: FloatArray, latency_ms: FloatArray) -> tuple[float, float]:
    spread = work - work.mean()
    if len(work) > 1 and (spread**2).sum() > 0:
        slope = float(spread @ latency_ms / (spread**2).sum())
        offset = float(latency_ms.mean() - slope * work.mean())
        if slope > 0 and offset > 0:
            return slope, offset
    # More work is never faster: where the measurements say so, the line goes through zero.
    return float(latency_ms.mean() / work.mean()), 0.0
