"""Summaries, percentiles and labels."""

from __future__ import annotations

import numpy as np
import pytest

from agent.measure.statistics import label_outliers, percentiles_ms, summarise
from agent.measure.steady import is_steady, last_runs_agree, trend


def test_the_median_is_that_of_the_processes_so_that_no_long_one_outvotes_the_others() -> None:
    parts = [(1_000_000,) * 30, (1_010_000,) * 30, (2_000_000,) * 500]
    summary = summarise([value for part in parts for value in part], parts)
    assert summary.median_ms == pytest.approx(1.01)
    assert summary.min_ms == 1.0


def test_processes_that_differ_widen_the_interval() -> None:
    parts = [(1_000_000,) * 30, (1_200_000,) * 30]
    summary = summarise([value for part in parts for value in part], parts)
    assert summary.low_ms <= 1.0
    assert summary.high_ms >= 1.2


def test_waiting_for_a_core_is_no_part_of_the_summary() -> None:
    summary = summarise([5_000_000, 1_000_000, 3_000_000], waited_ns=[4_000_000, 0, 2_000_000])
    assert (summary.median_ms, summary.min_ms, summary.mean_ms) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("count", "names"), [(99, ["p50"]), (100, ["p50", "p90"]), (1000, ["p50", "p90", "p99"])]
)
def test_percentiles_come_with_the_samples_that_they_need(count: int, names: list[str]) -> None:
    found = percentiles_ms([1_000_000 + index for index in range(count)])
    assert list(found) == names


def test_outliers_are_labelled_by_side_and_distance() -> None:
    samples = [1000 + index for index in range(100)]
    labels = label_outliers([*samples, 1130, 1300, 900, 700])
    assert labels == {"low_severe": 1, "low_mild": 1, "high_mild": 1, "high_severe": 1} or (
        labels["high_severe"] == 1 and labels["low_severe"] == 1
    )


def test_a_drift_is_not_steady() -> None:
    assert not is_steady([1_000_000 + 20_000 * run for run in range(20)])
    assert is_steady([1_000_000 + (run % 3) * 1000 for run in range(20)])


def test_noise_is_no_trend_and_a_change_has_its_sign() -> None:
    rng = np.random.default_rng(0)
    false_alarms = sum(
        trend(rng.normal(1e6, 5e4, 60).round().astype(int).tolist()) != 0 for _ in range(1000)
    )
    assert false_alarms <= 20
    assert trend([2_000_000] * 20 + [1_000_000] * 40) < -0.5
    assert trend([1_000_000] * 40 + [1_300_000] * 20) > 0.2


def test_three_last_runs_within_a_tenth_agree() -> None:
    assert last_runs_agree([300, 100, 105, 109])
    assert not last_runs_agree([100, 105, 115])
    assert not last_runs_agree([100, 100])
