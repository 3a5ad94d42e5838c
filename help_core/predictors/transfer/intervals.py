"""90 % intervals from a posterior: the devices' clocks and tails besides the model's own doubt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from help_core.arrays import FloatArray
from help_core.predictors.base import INTERVAL_LEVEL, Prediction

WIDENING = 1.03
"""Latencies have heavier tails than the posterior's; tuned on training devices left out."""

SURPRISE_QUANTILE = 0.8
TYPICAL_SURPRISE = 0.585
"""The 80 % quantile of left-out errors, in standard deviations, on training devices left out:
the posterior is wary, because it allows for noise that most devices do not have."""
CREDENCE = 5.0
"""At so many measurements, left-out errors count for half of what they say."""
LEAST_FACTOR, MOST_FACTOR = 0.5, 2.0

WHOLE_MS_VARIANCE = 1 / 12
"""Of rounding to whole milliseconds, ms²."""


@dataclass(frozen=True, slots=True)
class Interval:
    """How wide the intervals of one device are."""

    half_width: float
    """In standard deviations of a new measurement."""
    rounding_ms2: float
    """Variance that the resolution of the device's clock adds."""

    @classmethod
    def of(cls, left_out: FloatArray, rounding_ms2: float) -> Interval:
        """For a support of which each of ``[k]`` was predicted from the others with an error
        of ``left_out`` standard deviations.

        The noise of the device is judged by the support alone, hence Student's t with ``k``
        degrees of freedom.
        """
        quantile = float(stats.t.ppf((1 + INTERVAL_LEVEL) / 2, len(left_out)))
        return cls(WIDENING * quantile * _factor(left_out), rounding_ms2)

    def around(self, latency_ms: FloatArray, deviation_ms: FloatArray) -> Prediction:
        """Predictions ``[n]`` with their intervals; the lower bound stays above zero."""
        half_ms = self.half_width * np.sqrt(deviation_ms**2 + self.rounding_ms2)
        # Reciprocal below, so that a wide interval does not reach zero.
        low_ms = np.maximum(latency_ms - half_ms, latency_ms**2 / (latency_ms + 2 * half_ms))
        return Prediction(latency_ms, low_ms, latency_ms + half_ms)


def rounding_variance(latency_ms: FloatArray) -> float:
    """In ms²; a clock of whole milliseconds shows in the latencies ``[k]`` of a support."""
    whole = len(latency_ms) > 1 and bool((latency_ms == np.round(latency_ms)).all())
    return WHOLE_MS_VARIANCE if whole else 0.0


def _factor(left_out: FloatArray) -> float:
    """How much wider than usual, from how far the support surprised its own predictions."""
    surprise = max(float(np.quantile(np.abs(left_out), SURPRISE_QUANTILE)), 1e-6)
    count = len(left_out)
    factor = (surprise / TYPICAL_SURPRISE) ** (count / (count + CREDENCE)) if count > 2 else 1.0
    return float(np.clip(factor, LEAST_FACTOR, MOST_FACTOR))
