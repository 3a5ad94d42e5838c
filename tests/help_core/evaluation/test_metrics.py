from __future__ import annotations

import numpy as np
import pytest

from help_core.errors import BadInput
from help_core.evaluation.metrics import mean_scores, score
from help_core.predictors.base import Prediction


def prediction(latency: list[float], margin: float = 0.5) -> Prediction:
    values = np.array(latency)
    return Prediction(values, values - margin, values + margin)


def test_perfect_predictions_score_one_and_no_error() -> None:
    scores = score(prediction([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0]))
    assert scores.spearman == pytest.approx(1)
    assert scores.kendall == pytest.approx(1)
    assert scores.mape_percent == 0
    assert scores.coverage_90 == 1


def test_scores_match_values_worked_out_by_hand() -> None:
    scores = score(prediction([1.04, 2.0, 6.0, 5.0], 0.1), np.array([1.0, 2.2, 5.0, 6.0]))
    assert scores.spearman == pytest.approx(0.8)
    assert scores.kendall == pytest.approx(4 / 6)
    assert scores.mape_percent == pytest.approx(100 * (0.04 + 0.2 / 2.2 + 0.2 + 1 / 6) / 4)
    assert scores.within_5_percent == pytest.approx(0.25)
    assert scores.within_10_percent == pytest.approx(0.5)
    assert scores.coverage_90 == pytest.approx(0.25)


def test_ties_in_whole_milliseconds_share_their_rank() -> None:
    scores = score(prediction([1.0, 2.0, 3.0, 4.0]), np.array([5.0, 5.0, 6.0, 6.0]))
    assert scores.spearman == pytest.approx(2 / np.sqrt(5))


def test_constant_predictions_rank_nothing() -> None:
    scores = score(prediction([3.0, 3.0, 3.0]), np.array([1.0, 2.0, 3.0]))
    assert (scores.spearman, scores.kendall) == (0, 0)


def test_constant_latencies_are_refused_in_one_line() -> None:
    with pytest.raises(BadInput, match=r"^all 3 latencies are 5 ms.*[^\n]$"):
        score(prediction([1.0, 2.0, 3.0]), np.array([5.0, 5.0, 5.0]))


def test_a_single_latency_cannot_be_ranked() -> None:
    with pytest.raises(BadInput, match="cannot be ranked"):
        score(prediction([1.0]), np.array([1.0]))


def test_predictions_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BadInput, match="not finite"):
        score(prediction([1.0, float("nan")]), np.array([1.0, 2.0]))


def test_the_mean_of_scores_is_taken_field_by_field() -> None:
    good = score(prediction([1.0, 2.0]), np.array([1.0, 2.0]))
    bad = score(prediction([2.0, 1.0]), np.array([1.0, 2.0]))
    assert mean_scores([good, bad]).spearman == pytest.approx(0)
    assert mean_scores([good, bad]).mape_percent == pytest.approx(37.5)
