"""Which architecture to measure next, on small made-up spaces."""

from __future__ import annotations

import numpy as np
import pytest

from help_core.arrays import FloatArray
from help_core.predictors.base import Prediction
from help_core.search.confirm import (
    MIN_GAIN_PERCENT,
    Candidates,
    most_promising,
    worth_measuring,
)
from help_core.search.goals import Goal, confirmed, predicted_best


def predicted(latency_ms: list[float], spread: float = 0.05) -> Prediction:
    latency: FloatArray = np.array(latency_ms)
    return Prediction(latency, latency * (1 - spread), latency * (1 + spread))


def candidates(
    latency_ms: list[float],
    score: list[float],
    spread: float = 0.05,
    chance: list[float] | None = None,
) -> Candidates:
    one = predicted(latency_ms, spread)
    return Candidates((one,), np.array(score), np.array(chance or [1.0] * len(score)))


def next_candidate(
    found: Candidates, measured: dict[int, float], goal: Goal, top: int = 1
) -> int | None:
    """What is measured next, if anything is."""
    promise = most_promising(found, measured, goal, top)
    if promise is None or not worth_measuring(promise, goal, MIN_GAIN_PERCENT):
        return None
    return promise.index


def answer(
    found: Candidates, truth: list[float], goal: Goal, budget: int = 50
) -> tuple[list[int], int]:
    """What measuring until nothing promises more ends with, and how many measurements."""
    measured: dict[int, float] = {}
    for count in range(budget):
        index = next_candidate(found, measured, goal)
        if index is None:
            return confirmed(found.score, measured, goal, 1), count
        measured[index] = truth[index]
    raise AssertionError("the budget was not enough")


def test_a_true_prediction_is_confirmed_with_one_measurement() -> None:
    latency = [1.0, 2.0, 3.0, 4.0]
    picks, count = answer(candidates(latency, [60, 70, 80, 90]), latency, Goal(3.3))
    assert picks == [2]
    assert count == 1


def test_a_candidate_that_breaks_the_limit_gives_way_to_the_next() -> None:
    found = candidates([1.0, 2.0, 2.9, 4.0], [60, 70, 80, 90])
    picks, count = answer(found, [1.0, 2.0, 3.5, 4.0], Goal(3.0))
    assert picks == [1]
    assert count == 2


def test_a_better_one_just_over_the_limit_is_tried_where_it_may_hold() -> None:
    found = candidates([2.0, 3.05], [70, 80], spread=0.1)
    picks, _ = answer(found, [2.0, 2.95], Goal(3.0))
    assert picks == [1]


def test_what_cannot_meet_the_limit_is_not_measured() -> None:
    found = candidates([5.0, 6.0], [70, 80])
    assert next_candidate(found, {}, Goal(1.0)) is None


def test_an_architecture_without_a_score_is_neither_measured_nor_shown() -> None:
    found = candidates([1.0, 2.0], [float("nan"), 70])
    assert next_candidate(found, {}, Goal(3.0), top=2) == 1
    assert confirmed(found.score, {0: 1.0, 1: 2.0}, Goal(3.0), 2) == [1]


def test_a_small_gain_is_not_worth_a_measurement() -> None:
    found = candidates([1.0, 1.5], [70.0, 70.01])
    assert next_candidate(found, {0: 1.0}, Goal(2.0)) is None


def test_a_lower_bound_of_zero_is_a_wide_interval_and_no_error() -> None:
    latency = np.array([2.0])
    wide = Prediction(latency, np.zeros(1), latency * 3)
    found = Candidates((wide,), np.array([70.0]), np.ones(1))
    assert 0 < found.probability_within(1.0)[0] < 0.5


@pytest.mark.parametrize("seed", range(5))
def test_the_answer_is_near_the_best_in_random_spaces(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.lognormal(1.0, 0.5, 300)
    score = 60 + 8 * np.log(truth) + rng.normal(0, 2, 300)
    predicted = truth * rng.lognormal(0.0, 0.05, 300)
    found = candidates(predicted.tolist(), score.tolist(), spread=0.08)
    limit = float(np.median(truth))
    (pick,), count = answer(found, truth.tolist(), Goal(limit))
    assert truth[pick] <= limit
    assert score[pick] >= score[truth <= limit].max() - 0.5
    assert count <= 15


def test_the_fastest_above_a_score_is_found_and_confirmed() -> None:
    goal = Goal(min_score=75.0, fastest=True)
    found = candidates([1.0, 2.0, 2.1, 4.0], [60, 76, 80, 90])
    picks, count = answer(found, [1.0, 2.3, 2.05, 4.0], goal)
    assert picks == [2]
    assert count == 2


def test_the_fastest_is_left_alone_where_nothing_promises_one_percent() -> None:
    goal = Goal(min_score=0.0, fastest=True)
    found = candidates([2.0, 2.2], [70, 70], spread=0.03)
    assert next_candidate(found, {0: 2.0}, goal) is None
    promise = most_promising(found, {0: 2.0}, goal, 1)
    assert promise is not None
    assert 0 <= promise.gain < 1


def test_a_limit_holds_on_every_device() -> None:
    score, chance = np.array([70.0, 80.0, 90.0]), np.ones(3)
    found = Candidates((predicted([1.0, 1.0, 1.0]), predicted([1.0, 2.0, 9.0])), score, chance)
    assert next_candidate(found, {}, Goal(3.0)) == 1
    assert found.slowest.latency_ms.tolist() == [1.0, 2.0, 9.0]
    wide = Candidates((predicted([3.0], 0.1), predicted([3.0], 0.1)), score[:1], chance[:1])
    assert wide.probability_within(3.0)[0] == pytest.approx(0.25, abs=0.01)


def test_a_candidate_that_will_hardly_keep_another_limit_is_not_tried_first() -> None:
    found = candidates([1.0, 1.0], [70, 80], chance=[1.0, 0.1])
    assert next_candidate(found, {}, Goal(3.0)) == 0
    assert next_candidate(found, {0: 1.0}, Goal(3.0)) == 1
    # Its energy was measured above the limit: it counts as never within.
    assert next_candidate(found, {0: 1.0, 1: np.inf}, Goal(3.0)) is None


def test_the_whole_front_is_measured_and_nothing_else() -> None:
    latency = [1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    score = [50.0, 40.0, 60.0, 55.0, 70.0, 65.0]
    found, goal = candidates(latency, score, spread=0.02), Goal(front=True)
    measured: dict[int, float] = {}
    while (index := next_candidate(found, measured, goal)) is not None:
        measured[index] = latency[index]
    assert confirmed(found.score, measured, goal, 1) == [0, 2, 4]
    assert sorted(measured) == [0, 2, 4]
    assert predicted_best(found.score, np.array(latency), goal, 1) == [0, 2, 4]


@pytest.mark.parametrize("seed", range(3))
def test_a_front_of_a_random_space_is_nearly_all_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.lognormal(1.0, 0.5, 300)
    score = 60 + 8 * np.log(truth) + rng.normal(0, 2, 300)
    guess = (truth * rng.lognormal(0.0, 0.03, 300)).tolist()
    found, goal = candidates(guess, score.tolist(), spread=0.05), Goal(front=True)
    measured: dict[int, float] = {}
    while (index := next_candidate(found, measured, goal)) is not None:
        measured[index] = float(truth[index])
    assert len(measured) <= 40
    held = confirmed(found.score, measured, goal, 1)
    for limit in np.geomspace(truth.min() * 1.2, truth.max(), 12):
        best = score[truth <= limit].max()
        reached = max((score[row] for row in held if truth[row] <= limit), default=-np.inf)
        assert reached >= best - 2.0
