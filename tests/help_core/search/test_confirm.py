"""Which architecture to measure next, on small made-up spaces."""

from __future__ import annotations

import numpy as np
import pytest

from help_core.arrays import FloatArray
from help_core.predictors.base import Prediction
from help_core.search.confirm import Candidates, confirmed, next_candidate


def candidates(latency_ms: list[float], score: list[float], spread: float = 0.05) -> Candidates:
    latency: FloatArray = np.array(latency_ms)
    return Candidates(
        Prediction(latency, latency * (1 - spread), latency * (1 + spread)), np.array(score)
    )


def answer(
    found: Candidates, truth: list[float], limit_ms: float, budget: int = 50
) -> tuple[list[int], int]:
    """What measuring until nothing promises more ends with, and how many measurements."""
    measured: dict[int, float] = {}
    for count in range(budget):
        index = next_candidate(found, measured, limit_ms, top=1)
        if index is None:
            return confirmed(found, measured, limit_ms, 1), count
        measured[index] = truth[index]
    raise AssertionError("the budget was not enough")


def test_a_true_prediction_is_confirmed_with_one_measurement() -> None:
    latency = [1.0, 2.0, 3.0, 4.0]
    picks, count = answer(candidates(latency, [60, 70, 80, 90]), latency, limit_ms=3.3)
    assert picks == [2]
    assert count == 1


def test_a_candidate_that_breaks_the_limit_gives_way_to_the_next() -> None:
    found = candidates([1.0, 2.0, 2.9, 4.0], [60, 70, 80, 90])
    picks, count = answer(found, [1.0, 2.0, 3.5, 4.0], limit_ms=3.0)
    assert picks == [1]
    assert count == 2


def test_a_better_one_just_over_the_limit_is_tried_where_it_may_hold() -> None:
    found = candidates([2.0, 3.05], [70, 80], spread=0.1)
    picks, _ = answer(found, [2.0, 2.95], limit_ms=3.0)
    assert picks == [1]


def test_what_cannot_meet_the_limit_is_not_measured() -> None:
    found = candidates([5.0, 6.0], [70, 80])
    assert next_candidate(found, {}, limit_ms=1.0, top=1) is None


def test_an_architecture_without_a_score_is_neither_measured_nor_shown() -> None:
    found = candidates([1.0, 2.0], [float("nan"), 70])
    assert next_candidate(found, {}, limit_ms=3.0, top=2) == 1
    assert confirmed(found, {0: 1.0, 1: 2.0}, 3.0, 2) == [1]


def test_a_small_gain_is_not_worth_a_measurement() -> None:
    found = candidates([1.0, 1.5], [70.0, 70.01])
    assert next_candidate(found, {0: 1.0}, limit_ms=2.0, top=1) is None


def test_a_lower_bound_of_zero_is_a_wide_interval_and_no_error() -> None:
    latency = np.array([2.0])
    found = Candidates(Prediction(latency, np.zeros(1), latency * 3), np.array([70.0]))
    assert 0 < found.probability_within(1.0)[0] < 0.5


@pytest.mark.parametrize("seed", range(5))
def test_the_answer_is_near_the_best_in_random_spaces(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.lognormal(1.0, 0.5, 300)
    score = 60 + 8 * np.log(truth) + rng.normal(0, 2, 300)
    predicted = truth * rng.lognormal(0.0, 0.05, 300)
    found = candidates(predicted.tolist(), score.tolist(), spread=0.08)
    limit = float(np.median(truth))
    (pick,), count = answer(found, truth.tolist(), limit)
    assert truth[pick] <= limit
    assert score[pick] >= score[truth <= limit].max() - 0.5
    assert count <= 15
