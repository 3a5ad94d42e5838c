"""The measuring loop on streams with known answers, under a fake clock."""

from __future__ import annotations

import numpy as np
import pytest

from agent.measure.loop import STOPPED_BY_COUNT, STOPPED_BY_TIME, STOPPED_PRECISE, Plan
from tests.agent.measure.streams import correlated, measure, noisy


def test_a_quiet_stream_ends_as_soon_as_time_and_count_allow() -> None:
    result = measure(noisy(1e7, 0.002))
    assert (result.steady, result.stopped) == (True, STOPPED_PRECISE)
    assert result.warmup_runs == 10
    assert 0.2 <= sum(result.samples_ns) / 1e9 <= 0.35


def test_the_window_of_the_samples_is_told() -> None:
    result = measure(lambda run: 1e7)
    assert result.begin_ns == 10 * 10_000_000
    assert result.end_ns - result.begin_ns == sum(result.samples_ns)


@pytest.mark.parametrize("slow_runs", [1, 2, 5, 10, 30, 60, 100, 150, 200])
def test_a_slow_start_of_any_length_is_warmed_away(slow_runs: int) -> None:
    quiet = noisy(1e6, 0.002)
    result = measure(lambda run: quiet(run) * (3 - 2 * min(run / slow_runs, 1)))
    assert result.steady
    assert abs(np.median(result.samples_ns) / 1e6 - 1) < 0.01


@pytest.mark.parametrize("slow_runs", [1, 10, 20, 50, 100])
def test_a_start_that_ends_in_a_step_is_warmed_away(slow_runs: int) -> None:
    quiet = noisy(1e6, 0.002)
    result = measure(lambda run: quiet(run) * (1.5 if run < slow_runs else 1.0))
    assert result.steady
    assert abs(np.median(result.samples_ns) / 1e6 - 1) < 0.01


def test_a_stream_that_never_settles_is_reported_and_not_waited_for() -> None:
    result = measure(lambda run: 1e6 * (1 + run / 20), Plan(max_warmup_runs=100))
    assert not result.steady
    assert result.warmup_runs <= 100


@pytest.mark.parametrize("drift_per_run", [0.0005, 0.002, 0.01])
def test_a_slow_drift_upwards_is_not_steady(drift_per_run: float) -> None:
    quiet = noisy(1e7, 0.002)
    result = measure(
        lambda run: quiet(run) * (1 + drift_per_run * run),
        Plan(min_sampling_s=0.5, max_sampling_s=1.5),
    )
    assert not result.steady


def test_a_throttling_step_while_sampling_is_not_steady() -> None:
    quiet = noisy(1e7, 0.002)
    result = measure(lambda run: quiet(run) * (1.3 if run >= 22 else 1.0))
    assert not result.steady


def test_a_noisy_stream_ends_at_the_time_limit_and_says_so() -> None:
    result = measure(noisy(1e8, 0.3), Plan(max_sampling_s=2.0))
    assert result.stopped == STOPPED_BY_TIME
    assert 2 <= sum(result.samples_ns) / 1e9 < 2.5


def test_a_stream_that_no_count_makes_precise_ends_at_the_count_and_says_so() -> None:
    result = measure(noisy(1e5, 0.3), Plan(max_samples=500))
    assert result.stopped == STOPPED_BY_COUNT
    assert len(result.samples_ns) == 500


def test_correlated_samples_are_measured_longer_than_independent_ones() -> None:
    independent = measure(noisy(1e6, 0.05))
    dependent = measure(correlated(1e6, 0.05, 0.7))
    assert len(dependent.samples_ns) > 1.5 * len(independent.samples_ns)


def test_two_modes_at_random_do_not_pass_for_precise() -> None:
    modes = np.random.default_rng(0).choice([1.0, 1.4], 20_000)
    result = measure(lambda run: 1e7 * float(modes[run]))
    assert result.stopped == STOPPED_BY_TIME


def test_rare_spikes_neither_stop_the_warm_up_nor_move_the_median() -> None:
    quiet = noisy(1e6, 0.002)
    result = measure(lambda run: quiet(run) * (8 if run % 23 == 7 else 1))
    assert result.stopped == STOPPED_PRECISE
    assert abs(np.median(result.samples_ns) / 1e6 - 1) < 0.01


def test_a_model_whose_runs_outlast_every_limit_is_still_measured() -> None:
    result = measure(noisy(4e9, 0.002))
    assert result.steady
    assert len(result.samples_ns) == 3
    assert result.warmup_runs == 3


def test_time_without_a_core_is_told_apart_from_latency() -> None:
    quiet = noisy(1e7, 0.002)
    result = measure(quiet, wait_ns=lambda run: 4e6 if run % 2 else 0)
    nets = np.subtract(result.samples_ns, result.waited_ns)
    assert result.stopped == STOPPED_PRECISE
    assert abs(np.median(nets) / 1e7 - 1) < 0.01
    assert 0.4 < np.count_nonzero(result.waited_ns) / len(nets) < 0.6


def test_a_run_too_fast_for_the_clock_is_never_a_latency_of_zero() -> None:
    result = measure(lambda run: 0, Plan(max_samples=50, min_sampling_s=0))
    assert min(result.samples_ns) >= 1
