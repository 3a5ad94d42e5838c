"""Which architecture to measure next, so that the answer for a limit is confirmed with few
measurements: the one with the largest expected gain in accuracy over what is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.base import Prediction

Z_90 = 1.6448536
"""Half-width of a 90 % interval in standard deviations."""

MIN_SPREAD = 0.01
"""Least log-scale deviation of a prediction: no measurement repeats better."""

MIN_GAIN_PERCENT = 0.05
"""Expected gain in accuracy, in points, below which another measurement is not worth it."""

LEAST_LOW = 0.05
"""Least lower bound of an interval, relative to the prediction."""

HOPELESS = 0.02
"""Probability to meet a limit below which an architecture is not tried."""

FIRST_TRY = 0.6
"""Probability to meet the limit that the first candidate of a limit should have."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is believed of ``n`` architectures. ``score`` is what the user wants much of."""

    prediction: Prediction
    score: FloatArray

    def probability_within(self, limit_ms: float) -> FloatArray:
        """Probability ``[n]`` that each latency meets the limit (log-normal)."""
        latency_ms = self.prediction.latency_ms
        # A lower bound of zero, from an additive interval, has no logarithm.
        low_ms = np.maximum(self.prediction.low_ms, LEAST_LOW * latency_ms)
        spread = (np.log(self.prediction.high_ms) - np.log(low_ms)) / (2 * Z_90)
        spread = np.maximum(spread, MIN_SPREAD)
        centre = np.log(latency_ms)
        probability: FloatArray = ndtr((np.log(limit_ms) - centre) / spread)
        return probability


def confirmed(
    candidates: Candidates, measured_ms: Mapping[int, float], limit_ms: float, top: int
) -> list[int]:
    """The best ``top`` architectures that were measured within the limit, best first."""
    within = [
        index
        for index, latency in measured_ms.items()
        if latency <= limit_ms and np.isfinite(candidates.score[index])
    ]
    order = sorted(within, key=lambda index: (-candidates.score[index], measured_ms[index]))
    return order[:top]


def next_candidate(
    candidates: Candidates,
    measured_ms: Mapping[int, float],
    limit_ms: float,
    top: int,
    min_gain: float = MIN_GAIN_PERCENT,
) -> int | None:
    """The architecture to measure next for a limit, or ``None`` if none is worth it.

    ``min_gain`` is in units of the score.
    """
    probability = candidates.probability_within(limit_ms)
    open_ = np.isfinite(candidates.score) & (probability > HOPELESS)
    open_[list(measured_ms)] = False
    indices: IntArray = np.flatnonzero(open_)
    if indices.size == 0:
        return None
    chance, score = probability[indices], candidates.score[indices]
    held = confirmed(candidates, measured_ms, limit_ms, top)
    if len(held) < top:
        likely = indices[chance >= min(FIRST_TRY, float(chance.max()))]
        return int(likely[np.argmax(candidates.score[likely])])
    gain = chance * (score - candidates.score[held[-1]])
    best = int(np.argmax(gain))
    return int(indices[best]) if gain[best] > min_gain else None
