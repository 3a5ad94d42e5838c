"""Streams of latencies with known answers, and the clock that sees them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from agent.measure.loop import Plan, Samples, sample
from agent.measure.replicate import Conditions, Replicate
from help_core.arrays import FloatArray

Latency = Callable[[int], float]
LONGEST = 6_000


class Stream:
    """A runner whose n-th run takes ``latency_ns(n)`` and waits ``wait_ns(n)`` for a core."""

    def __init__(self, latency_ns: Latency, wait_ns: Latency = lambda run: 0.0) -> None:
        self._latency_ns = latency_ns
        self._wait_ns = wait_ns
        self.runs = 0
        self.now_ns = 0
        self.waited_ns = 0

    def run(self) -> None:
        waited = round(self._wait_ns(self.runs))
        self.waited_ns += waited
        self.now_ns += max(round(self._latency_ns(self.runs)), 0) + waited
        self.runs += 1

    def clock_ns(self) -> int:
        return self.now_ns

    def waiting_ns(self) -> int:
        return self.waited_ns


def measure(
    latency_ns: Latency, plan: Plan | None = None, wait_ns: Latency = lambda run: 0.0
) -> Samples:
    stream = Stream(latency_ns, wait_ns)
    return sample(stream.run, stream.clock_ns, plan or Plan(), stream.waiting_ns)


def noisy(level: float, share: float, seed: int = 0) -> Latency:
    return _in_order(level * np.random.default_rng(seed).normal(1.0, share, LONGEST))


def correlated(level: float, share: float, phi: float, seed: int = 0) -> Latency:
    """An autoregressive stream of order one with lag-1 correlation ``phi``."""
    steps = np.random.default_rng(seed).normal(0.0, 1.0, LONGEST)
    values = lfilter([1.0], [1.0, -phi], steps)[LONGEST // 10 :]
    latencies = level * (1 + values * share * np.sqrt(1 - phi**2))
    return _in_order(latencies)


def _in_order(latencies: FloatArray) -> Latency:
    values: list[float] = latencies.tolist()
    return values.__getitem__


def replicate_of(samples: Samples, conditions: Conditions | None = None) -> Replicate:
    return Replicate(
        samples_ns=samples.samples_ns,
        waited_ns=samples.waited_ns,
        steady=samples.steady,
        stopped=samples.stopped,
        warmup_runs=samples.warmup_runs,
        session_ms=1.0,
        first_run_ms=1.0,
        assignment={"CPUExecutionProvider": 5},
        conditions=conditions or Conditions(),
    )


def quiet_replicate(
    level_ns: float = 1e6, seed: int = 0, conditions: Conditions | None = None
) -> Replicate:
    return replicate_of(measure(noisy(level_ns, 0.005, seed)), conditions)
