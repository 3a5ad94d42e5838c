"""What a user wants of an architecture, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from help_core.arrays import BoolArray, FloatArray
from help_core.predictors.base import Prediction

MIN_FASTER_PERCENT = 1.0
"""Expected speed-up below which another measurement is not worth it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The best score within a latency limit, or the fastest above a score.

    ``front`` asks for the best score at every latency up to the limit at once.
    """

    limit_ms: float = inf
    min_score: float = -inf
    fastest: bool = False
    front: bool = False

    def eligible(self, score: FloatArray) -> BoolArray:
        """Which scores ``[n]`` may be offered; NaN is what nobody may have."""
        return np.isfinite(score) & (score >= self.min_score)


def confirmed(
    score: FloatArray, measured_ms: Mapping[int, float], goal: Goal, top: int
) -> list[int]:
    """The best ``top`` architectures that were measured within the goal, best first.

    All that no other one beats, fastest first, if the goal is the front.
    """
    eligible = goal.eligible(score)
    within = [index for index, ms in measured_ms.items() if ms <= goal.limit_ms and eligible[index]]
    if goal.fastest or goal.front:
        within.sort(key=lambda index: (measured_ms[index], -score[index]))
    else:
        within.sort(key=lambda index: (-score[index], measured_ms[index]))
    return _steps(within, score) if goal.front else within[:top]


def predicted_best(score: FloatArray, latency_ms: FloatArray, goal: Goal, top: int) -> list[int]:
    """As ``confirmed``, of latencies ``[n]`` that are predicted."""
    rows = np.flatnonzero(goal.eligible(score) & (latency_ms <= goal.limit_ms))
    return confirmed(
        score, dict(zip(rows.tolist(), latency_ms[rows].tolist(), strict=True)), goal, top
    )


def slowest(predictions: tuple[Prediction, ...]) -> Prediction:
    """Bounds of the slowest of several devices: what a common limit is about."""
    return Prediction(
        np.max([one.latency_ms for one in predictions], axis=0),
        np.max([one.low_ms for one in predictions], axis=0),
        np.max([one.high_ms for one in predictions], axis=0),
    )


def _steps(by_latency: list[int], score: FloatArray) -> list[int]:
    best, steps = -inf, []
    for index in by_latency:
        if score[index] > best:
            best = float(score[index])
            steps.append(index)
    return steps
