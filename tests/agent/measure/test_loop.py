"""The measuring loop on streams with known answers, under a fake clock."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agent.measure.interval import median_interval
from agent.measure.loop import Plan, Samples, sample
from agent.measure.statistics import summarise
from agent.measure.steady import is_steady


class Stream:
    """A runner whose n-th run takes ``latency_ns(n)``, with the clock that sees it."""

    def __init__(self, latency_ns: Callable[[int], float]) -> None:
        self._latency_ns = latency_ns
        self.runs = 0
        self.now_ns = 0

    def run(self) -> None:
        self.now_ns += round(self._latency_ns(self.runs))
        self.runs += 1

    def clock_ns(self) -> int:
        return self.now_ns


def measure(latency_ns: Callable[[int], float], plan: Plan | None = None) -> Samples:
    stream = Stream(latency_ns)
    return sample(stream.run, stream.clock_ns, plan or Plan())


def noisy(level: float, share: float, seed: int = 0) -> Callable[[int], float]:
    noise = np.random.default_rng(seed).normal(1.0, share, 10_000)
    return lambda run: level * noise[run]


def test_a_quiet_stream_ends_as_soon_as_time_and_count_allow() -> None:
    result = measure(noisy(1e7, 0.002))
    assert (result.steady, result.precise) == (True, True)
    assert result.warmup_runs == 10
    assert 0.2 <= sum(result.samples_ns) / 1e9 <= 0.35


def test_the_first_run_is_told_apart_from_the_steady_state() -> None:
    quiet = noisy(1e7, 0.002)
    result = measure(lambda run: 9e8 if run == 0 else quiet(run))
    assert max(result.samples_ns) < 2e7


@pytest.mark.parametrize("slow_runs", [5, 30, 100])
def test_a_slow_start_is_warmed_away(slow_runs: int) -> None:
    quiet = noisy(1e6, 0.002)
    result = measure(lambda run: quiet(run) * (3 - 2 * min(run / slow_runs, 1)))
    assert result.steady
    assert abs(np.median(result.samples_ns) / 1e6 - 1) < 0.01


def test_a_stream_that_never_settles_is_reported_and_not_waited_for() -> None:
    result = measure(lambda run: 1e6 * (1 + run / 20), Plan(max_warmup_runs=100))
    assert not result.steady
    assert result.warmup_runs <= 100


def test_a_noisy_stream_ends_at_the_time_limit_and_says_so() -> None:
    result = measure(noisy(1e8, 0.3), Plan(max_sampling_s=2.0))
    assert not result.precise
    assert sum(result.samples_ns) / 1e9 < 4


def test_a_run_too_fast_for_the_clock_is_never_a_latency_of_zero() -> None:
    result = measure(lambda run: 0, Plan(max_samples=50, min_sampling_s=0))
    assert min(result.samples_ns) >= 1


def test_the_interval_of_the_median_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        low, high = median_interval(np.sort(rng.lognormal(0.0, 0.2, 60)))
        hits += low <= 1.0 <= high
    assert 0.93 <= hits / 1000 <= 0.98


def test_processes_that_differ_widen_the_interval() -> None:
    parts = [(1_000_000,) * 30, (1_200_000,) * 30]
    summary = summarise([value for part in parts for value in part], parts)
    assert summary.low_ms <= 1.0
    assert summary.high_ms >= 1.2


def test_a_drift_is_not_steady() -> None:
    assert not is_steady([1_000_000 + 20_000 * run for run in range(20)])
    assert is_steady([1_000_000 + (run % 3) * 1000 for run in range(20)])
