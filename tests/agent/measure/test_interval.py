"""Intervals of the median cover as often as they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agent.measure.interval import (
    MEDIAN_FACTORS,
    median_interval,
    process_interval,
    sample_interval,
    variance_inflation,
)
from agent.measure.statistics import summarise
from tests.agent.measure.streams import correlated, measure, noisy

STREAMS = 1000


def _coverage(interval: Callable[[int], tuple[float, float]], truth: float) -> float:
    hits = 0
    for seed in range(STREAMS):
        low, high = interval(seed)
        hits += low <= truth <= high
    return hits / STREAMS


@pytest.mark.parametrize("count", [6, 10, 17, 60, 101, 400])
def test_order_statistics_cover_the_median_of_skewed_samples(count: int) -> None:
    rng = np.random.default_rng(count)
    draws = np.sort(rng.lognormal(0.0, 0.2, (STREAMS, count)), axis=1)
    assert 0.93 <= _coverage(lambda seed: median_interval(draws[seed]), 1.0) <= 0.97


def test_every_count_has_an_interval_around_the_median() -> None:
    rng = np.random.default_rng(0)
    for count in range(1, 1200):
        values = np.sort(rng.normal(10.0, 1.0, count))
        low, high = median_interval(values)
        assert values[0] <= low <= np.median(values) <= high <= values[-1]
        assert sample_interval(values)[0] <= low


@pytest.mark.parametrize(("phi", "count"), [(0.0, 60), (0.2, 100), (0.4, 200), (0.6, 500)])
def test_batch_means_cover_the_median_of_correlated_samples(phi: float, count: int) -> None:
    def interval(seed: int) -> tuple[float, float]:
        stream = correlated(1.0, 0.05, phi, seed)
        return sample_interval(np.array([stream(run) for run in range(count)]))

    assert 0.93 <= _coverage(interval, 1.0) <= 0.975


@pytest.mark.parametrize("processes", sorted(MEDIAN_FACTORS))
def test_the_median_of_process_medians_is_covered(processes: int) -> None:
    draws = np.random.default_rng(processes).normal(1.0, 0.01, (STREAMS, processes))
    assert 0.93 <= _coverage(lambda seed: process_interval(draws[seed]), 1.0) <= 0.97


@pytest.mark.parametrize(
    ("within", "phi", "between"),
    [(0.01, 0.0, 0.0), (0.02, 0.7, 0.0), (0.02, 0.5, 0.01)],
)
def test_the_whole_procedure_covers_the_truth(within: float, phi: float, between: float) -> None:
    def interval(seed: int) -> tuple[float, float]:
        shifts = np.random.default_rng(seed).normal(1.0, between, 3)
        parts = []
        for process, shift in enumerate(shifts):
            stream = correlated(2e7 * float(shift), within, phi, 3 * seed + process)
            parts.append(measure(stream).samples_ns)
        summary = summarise([sample for part in parts for sample in part], parts)
        return summary.low_ms, summary.high_ms

    assert 0.93 <= _coverage(interval, 20.0) <= 0.97


def test_independent_samples_are_not_inflated_and_correlated_ones_are() -> None:
    independent, dependent = noisy(1.0, 0.05), correlated(1.0, 0.05, 0.8)
    assert variance_inflation(np.array([independent(run) for run in range(300)])) == 1.0
    # Standard errors grow by sqrt((1 + phi) / (1 - phi)) = 3 for a mean, less for a median.
    assert 1.7 < variance_inflation(np.array([dependent(run) for run in range(2000)])) < 4


def test_an_interval_of_equal_samples_is_a_point() -> None:
    assert sample_interval(np.full(50, 2.0)) == (2.0, 2.0)
