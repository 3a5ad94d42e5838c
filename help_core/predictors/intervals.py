"""Intervals from the residuals of a fit, for predictors that have no noise model."""

from __future__ import annotations

import numpy as np
from scipy import stats

from help_core.arrays import FloatArray
from help_core.predictors.base import INTERVAL_LEVEL

UNKNOWN_HALF_WIDTH = 1.0
"""Where no residual is left to judge by, anything up to twice the prediction is possible."""


def relative_interval(fitted: FloatArray, latency_ms: FloatArray, parameters: int) -> float:
    """Half width of the interval as a share of the prediction, from support residuals ``[k]``.

    Student's t with ``k - parameters`` degrees of freedom.
    """
    freedom = len(latency_ms) - parameters
    if freedom < 1:
        return UNKNOWN_HALF_WIDTH
    residual = (latency_ms - fitted) / fitted
    deviation = np.sqrt((residual**2).sum() / freedom)
    return float(stats.t.ppf((1 + INTERVAL_LEVEL) / 2, freedom) * deviation)
