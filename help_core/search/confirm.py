"""Which architecture to measure next, so that an answer is confirmed with few measurements.

The one with the largest expected gain over what is confirmed: in score within a limit
(probability to keep the limit times what it is better), in speed above a score (expected
improvement, Jones et al., 1998), or in the score averaged over all limits of a front
(expected hypervolume improvement over log latency, with scores that are known).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np
from scipy.special import ndtr

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.base import Prediction
from help_core.search.front import pareto_front
from help_core.search.goals import MIN_FASTER_PERCENT, Goal, confirmed, slowest

Z_90 = 1.6448536
"""Half-width of a 90 % interval in standard deviations."""

MIN_SPREAD = 0.01
"""Least log-scale deviation of a prediction: no measurement repeats better."""

MIN_GAIN_PERCENT = 0.05
"""Expected gain in accuracy, in points, below which another measurement is not worth it."""

LEAST_LOW = 0.05
"""Least lower bound of an interval, relative to the prediction."""

HOPELESS = 0.02
"""Probability to keep the limits below which an architecture is not tried."""

FIRST_TRY = 0.6
"""Probability to keep the limits that the first candidate of a goal should have."""

FRONT_LEVELS = 48
"""Limits that the gain of a whole front is averaged over."""

MISSING_SHARE = 0.1
"""What it costs to have no answer for a limit, as a share of the front's range of scores."""


@dataclass(frozen=True, slots=True)
class Next:
    """The architecture that promises most, and what it may be expected to gain.

    ``gain`` is in units of the score, in percent of latency if the goal is the fastest, and
    infinite where too little is confirmed yet.
    """

    index: int
    gain: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is believed of ``n`` architectures. ``score`` is what the user wants much of.

    A score of NaN is that of an architecture which must not be offered. With several devices
    a latency is that of the slowest of them.
    """

    latency: tuple[Prediction, ...]
    """Of each device."""
    score: FloatArray
    chance: FloatArray
    """Probability that all limits but that on latency are kept, ``[n]``."""

    @property
    def slowest(self) -> Prediction:
        """Of the slowest device."""
        return slowest(self.latency)

    def probability_within(self, limit_ms: float) -> FloatArray:
        """Probability ``[n]`` that all limits are kept, ``limit_ms`` on every device."""
        probability = self.chance
        if limit_ms < inf:
            for prediction in self.latency:
                probability = probability * probability_below(prediction, limit_ms)
        return probability


def probability_below(prediction: Prediction, limit: float) -> FloatArray:
    """Probability ``[n]`` that each quantity keeps its limit (log-normal)."""
    centre, spread = _log_moments(prediction)
    probability: FloatArray = ndtr((np.log(limit) - centre) / spread)
    return probability


def _log_moments(prediction: Prediction) -> tuple[FloatArray, FloatArray]:
    # A lower bound of zero, from an additive interval, has no logarithm.
    low = np.maximum(prediction.low_ms, LEAST_LOW * prediction.latency_ms)
    spread = (np.log(prediction.high_ms) - np.log(low)) / (2 * Z_90)
    return np.log(prediction.latency_ms), np.maximum(spread, MIN_SPREAD)


def most_promising(
    candidates: Candidates, measured_ms: Mapping[int, float], goal: Goal, top: int
) -> Next | None:
    """The best architecture to measure next, or ``None`` if no other can keep the limits.

    ``measured_ms`` holds infinity for what broke another limit or could not be measured.
    """
    probability = candidates.probability_within(goal.limit_ms)
    open_ = goal.eligible(candidates.score) & (probability > HOPELESS)
    open_[list(measured_ms)] = False
    rows: IntArray = np.flatnonzero(open_)
    if rows.size == 0:
        return None
    if goal.front:
        return _for_front(candidates, measured_ms, goal, rows)
    held = confirmed(candidates.score, measured_ms, goal, top)
    if len(held) < top:
        return Next(_first_try(candidates, goal, rows, probability[rows]), inf)
    if goal.fastest:
        gain = _expected_speed_up(candidates, rows, measured_ms[held[-1]])
    else:
        gain = probability[rows] * (candidates.score[rows] - candidates.score[held[-1]])
    best = int(np.argmax(gain))
    return Next(int(rows[best]), float(gain[best]))


def worth_measuring(found: Next | None, goal: Goal, min_gain: float) -> bool:
    """Whether what is promised is worth a measurement; ``min_gain`` is in units of the score."""
    if found is None:
        return False
    return found.gain > (MIN_FASTER_PERCENT if goal.fastest else min_gain)


def _first_try(candidates: Candidates, goal: Goal, rows: IntArray, chance: FloatArray) -> int:
    likely = rows[chance >= min(FIRST_TRY, float(chance.max()))]
    if goal.fastest:
        return int(likely[np.argmin(candidates.slowest.latency_ms[likely])])
    return int(likely[np.argmax(candidates.score[likely])])


def _expected_speed_up(candidates: Candidates, rows: IntArray, held_ms: float) -> FloatArray:
    """Expected improvement over ``held_ms`` in percent, ``[rows]``."""
    centre, spread = _log_moments(candidates.slowest)
    z = (np.log(held_ms) - centre[rows]) / spread[rows]
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    gain: FloatArray = 100 * candidates.chance[rows] * spread[rows] * (z * ndtr(z) + density)
    return gain


def _for_front(
    candidates: Candidates, measured_ms: Mapping[int, float], goal: Goal, rows: IntArray
) -> Next:
    """By the score that is gained on average over the limits between both ends of the front."""
    score, latency_ms = candidates.score, candidates.slowest.latency_ms
    eligible = np.flatnonzero(goal.eligible(score) & (latency_ms <= goal.limit_ms))
    ends = eligible[pareto_front(latency_ms[eligible], score[eligible])]
    if not ends.size:
        ends = rows[np.argmin(latency_ms[rows])][None]
    levels = np.geomspace(latency_ms[ends[0]], latency_ms[ends[-1]] * 1.05, FRONT_LEVELS)
    held = confirmed(score, measured_ms, goal, 0)
    if not held:
        untried = ends[np.isin(ends, rows)]
        return Next(int(untried[len(untried) // 2] if untried.size else rows[0]), inf)
    # To have nothing at a limit is worse than to have the fastest network of all.
    lowest, highest = float(score[ends[0]]), float(score[ends[-1]])
    reached = np.full(FRONT_LEVELS, lowest - MISSING_SHARE * (highest - lowest))
    for index in held:
        within = levels >= measured_ms[index]
        reached[within] = np.maximum(reached[within], score[index])
    centre, spread = _log_moments(candidates.slowest)
    below = ndtr((np.log(levels) - centre[rows, None]) / spread[rows, None])
    gain = (below * np.maximum(score[rows, None] - reached, 0)).mean(axis=1)
    gain *= candidates.chance[rows]
    best = int(np.argmax(gain))
    return Next(int(rows[best]), float(gain[best]))
