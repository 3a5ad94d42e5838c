"""The measuring loop: warm up until steady, then sample until precise. Clock and runner are
injected, so that the logic is tested on streams with known answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.measure.statistics import is_steady, relative_half_width

CHECK_EVERY = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """When to stop. Defaults are rules 3 and 5, for one of several processes."""

    min_warmup_runs: int = 10
    max_warmup_runs: int = 300
    max_warmup_s: float = 2.0
    min_samples: int = 10
    max_samples: int = 2_000
    min_sampling_s: float = 0.2
    max_sampling_s: float = 3.0
    precision: float = 0.01
    """Relative half-width of the median's 95 % interval to reach."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What one process measured; times in ns."""

    first_run_ns: int
    warmup_runs: int
    samples_ns: tuple[int, ...]
    steady: bool
    precise: bool


def sample(run: Callable[[], object], clock_ns: Callable[[], int], plan: Plan) -> Samples:
    """Runs ``run`` until its latency is known; ``clock_ns`` is monotonic."""
    first_run_ns = _timed(run, clock_ns)
    warmup, steady = _warm_up(run, clock_ns, plan)
    samples: list[int] = []
    begin = clock_ns()
    precise = False
    while len(samples) < plan.max_samples:
        samples.append(_timed(run, clock_ns))
        if len(samples) < plan.min_samples or len(samples) % CHECK_EVERY:
            continue
        elapsed_s = (clock_ns() - begin) / 1e9
        if elapsed_s < plan.min_sampling_s:
            continue
        precise = relative_half_width(samples) <= plan.precision
        if precise or elapsed_s >= plan.max_sampling_s:
            break
    if not precise:
        precise = relative_half_width(samples) <= plan.precision
    return Samples(first_run_ns, len(warmup), tuple(samples), steady, precise)


def _warm_up(
    run: Callable[[], object], clock_ns: Callable[[], int], plan: Plan
) -> tuple[list[int], bool]:
    """The warm-up's times, and whether the last of them were steady."""
    times: list[int] = []
    begin = clock_ns()
    while len(times) < plan.max_warmup_runs:
        times.append(_timed(run, clock_ns))
        if len(times) < plan.min_warmup_runs or len(times) % CHECK_EVERY:
            continue
        if is_steady(times[-2 * CHECK_EVERY :]):
            return times, True
        if (clock_ns() - begin) / 1e9 >= plan.max_warmup_s:
            break
    return times, False


def _timed(run: Callable[[], object], clock_ns: Callable[[], int]) -> int:
    begin = clock_ns()
    run()
    # A clock too coarse to see the run must not make a latency of zero.
    return max(clock_ns() - begin, 1)
