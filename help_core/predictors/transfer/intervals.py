"""90 % intervals from a posterior: the devices' clocks and tails besides the model's own doubt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray
from help_core.predictors.base import Prediction

HALF_WIDTH = 1.9
"""Standard deviations either side of the prediction. A Gaussian would need 1.645; latencies
have heavier tails, and a few measurements underestimate their spread."""

WHOLE_MS_VARIANCE = 1 / 12
"""Of rounding to whole milliseconds, ms²."""


@dataclass(frozen=True, slots=True)
class Interval:
    """How wide the intervals of one device are."""

    rounding_ms2: float
    """Variance that the resolution of the device's clock adds."""

    def around(self, latency_ms: FloatArray, deviation_ms: FloatArray) -> Prediction:
        """Predictions ``[n]`` with their intervals; the lower bound stays above zero."""
        half_ms = HALF_WIDTH * np.sqrt(deviation_ms**2 + self.rounding_ms2)
        # Reciprocal below, so that a wide interval does not reach zero.
        low_ms = np.maximum(latency_ms - half_ms, latency_ms**2 / (latency_ms + 2 * half_ms))
        return Prediction(latency_ms, low_ms, latency_ms + half_ms)


def calibrated(latency_ms: FloatArray) -> Interval:
    """Recognises a clock of whole milliseconds by the support ``[k]``."""
    whole = len(latency_ms) > 1 and bool((latency_ms == np.round(latency_ms)).all())
    return Interval(WHOLE_MS_VARIANCE if whole else 0.0)
