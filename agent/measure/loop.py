"""The measuring loop: warm up until steady, then sample until precise.

Clock, runner and the counter of waiting time are injected, so that the logic is tested on
streams with known answers. Only numpy is imported: this runs in the measuring process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.measure.interval import relative_half_width
from agent.measure.steady import is_steady, last_runs_agree, trend

CHECK_EVERY = 10
FEWEST_SAMPLES = 3
"""What a model is sampled even if each run takes longer than the time allows."""

STOPPED_PRECISE, STOPPED_BY_TIME, STOPPED_BY_COUNT = "precise", "time", "count"


@dataclass(frozen=True, slots=True)
class Plan:
    """When to stop. Defaults are rules 3 and 5, for one of several processes."""

    min_warmup_runs: int = 10
    max_warmup_runs: int = 300
    max_warmup_s: float = 1.0
    min_samples: int = 10
    max_samples: int = 10_000
    min_sampling_s: float = 0.2
    max_sampling_s: float = 1.5
    precision: float = 0.01
    """Relative half-width of the median's 95 % interval to reach."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What one process measured; times in ns."""

    warmup_runs: int
    samples_ns: tuple[int, ...]
    """Wall time of each run."""
    waited_ns: tuple[int, ...]
    """How much of each sample the thread stood runnable without a core."""
    steady: bool
    stopped: str
    """Which criterion ended the sampling: ``precise``, ``time`` or ``count``."""
    begin_ns: int
    """Clock at the first and after the last sample: the window that conditions belong to."""
    end_ns: int

    @property
    def precise(self) -> bool:
        """Whether the wanted precision was reached."""
        return self.stopped == STOPPED_PRECISE


Timed = Callable[[], tuple[int, int]]
"""Runs once; returns its wall time and how much of that the thread stood without a core, in ns."""


@dataclass(slots=True)
class _Stream:
    """Times runs one by one."""

    timed: Timed
    clock_ns: Callable[[], int]
    walls: list[int] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    nets: list[int] = field(default_factory=list)

    def take(self) -> None:
        wall, waited = self.timed()
        # A clock too coarse to see the run must not make a latency of zero.
        wall = max(wall, 1)
        waited = min(max(waited, 0), wall - 1)
        self.walls.append(wall)
        self.waits.append(waited)
        self.nets.append(wall - waited)

    def forget(self, count: int) -> None:
        for values in (self.walls, self.waits, self.nets):
            del values[:count]


def sample(
    run: Callable[[], object],
    clock_ns: Callable[[], int],
    plan: Plan,
    waiting_ns: Callable[[], int] = lambda: 0,
) -> Samples:
    """Runs ``run`` in this process until its latency is known.

    ``clock_ns`` is monotonic; ``waiting_ns`` is the total time that this thread has stood
    runnable without a core, which is no part of the model's latency and is told apart.
    """

    def timed() -> tuple[int, int]:
        # Nothing but the run lies between two looks at the clock.
        ahead = clock_ns()
        waited = waiting_ns()
        begin = clock_ns()
        run()
        end = clock_ns()
        waited = waiting_ns() - waited
        # A thread often loses its core as a system call returns: that wait lies outside the run.
        waited -= begin - ahead + clock_ns() - end
        return end - begin, waited

    return sample_timed(timed, clock_ns, plan)


def sample_timed(timed: Timed, clock_ns: Callable[[], int], plan: Plan) -> Samples:
    """Has runs timed, here or elsewhere, until the latency is known.

    ``clock_ns`` is the clock of where they run, and stands after the last of them.
    Samples that still fall are counted as warm-up and taken again, within the warm-up's limits;
    samples that rise are a board that slows down, and not steady.
    """
    warming = _Stream(timed, clock_ns)
    steady = _warm_up(warming, plan)
    warmup_runs = len(warming.nets)
    stream = _Stream(timed, clock_ns)
    begin = since = clock_ns()
    while True:
        stopped = _take_samples(stream, plan, since)
        change = trend(stream.nets)
        if change == 0:
            break
        again = len(stream.nets) // 2
        too_late = (clock_ns() - begin) / 1e9 >= plan.max_warmup_s + plan.max_sampling_s
        if change > 0 or too_late or warmup_runs + again > plan.max_warmup_runs:
            steady = False
            break
        stream.forget(again)
        warmup_runs += again
        since = clock_ns()
    walls, waits = tuple(stream.walls), tuple(stream.waits)
    return Samples(warmup_runs, walls, waits, steady, stopped, begin, clock_ns())


def _take_samples(stream: _Stream, plan: Plan, begin_ns: int) -> str:
    """Samples until precise or at a limit; says which."""
    while len(stream.nets) < plan.max_samples:
        stream.take()
        count = len(stream.nets)
        elapsed_s = (stream.clock_ns() - begin_ns) / 1e9
        if elapsed_s >= plan.max_sampling_s and count >= FEWEST_SAMPLES:
            is_precise = count >= plan.min_samples and _is_precise(stream, plan)
            return STOPPED_PRECISE if is_precise else STOPPED_BY_TIME
        if count < plan.min_samples or not _is_checked(count) or elapsed_s < plan.min_sampling_s:
            continue
        if _is_precise(stream, plan):
            return STOPPED_PRECISE
    return STOPPED_PRECISE if _is_precise(stream, plan) else STOPPED_BY_COUNT


def _is_checked(count: int) -> bool:
    """Every tenth sample, then ever more rarely: the check must cost less than the runs."""
    return count % max(CHECK_EVERY, count // 100 * CHECK_EVERY) == 0


def _is_precise(stream: _Stream, plan: Plan) -> bool:
    return relative_half_width(stream.nets) <= plan.precision


def _warm_up(stream: _Stream, plan: Plan) -> bool:
    """Whether the last runs of the warm-up were steady."""
    begin = stream.clock_ns()
    while len(stream.nets) < plan.max_warmup_runs:
        stream.take()
        count = len(stream.nets)
        if count >= FEWEST_SAMPLES and (stream.clock_ns() - begin) / 1e9 >= plan.max_warmup_s:
            last = stream.nets[-2 * CHECK_EVERY :]
            return is_steady(last) or (count < CHECK_EVERY and last_runs_agree(last))
        if count < plan.min_warmup_runs or count % CHECK_EVERY:
            continue
        if is_steady(stream.nets[-2 * CHECK_EVERY :]):
            return True
    return False
