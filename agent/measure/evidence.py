"""From what a process answered and what was read meanwhile to evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from agent.conditions.energy import energy_mj
from agent.conditions.load import LoadBetween
from agent.conditions.snapshot import Moment
from agent.conditions.throttle import ThrottleState, transitions
from agent.measure.replicate import Conditions, Replicate

CLOCK, TEMPERATURE = "cpu_clock_mhz", "cpu_temperature_c"


@dataclass(frozen=True, slots=True)
class Around:
    """What was read around one process, and facts of the board."""

    load: LoadBetween
    throttle_before: ThrottleState
    throttle_after: ThrottleState
    moments: Sequence[Moment]
    swapped_pages: float | None
    nominal_clock_mhz: float | None
    energy_wrap_uj: float | None


def make_replicate(answer: dict[str, Any], around: Around) -> Replicate:
    """The process's samples with the conditions of its sampling window."""
    return Replicate(
        samples_ns=tuple(answer["samples_ns"]),
        waited_ns=tuple(answer["waited_ns"]),
        steady=answer["steady"],
        stopped=answer["stopped"],
        warmup_runs=answer["warmup_runs"],
        session_ms=answer["session_ms"],
        first_run_ms=answer["first_run_ns"] / 1e6,
        facts=answer["facts"],
        assignment=answer["assignment"],
        enqueue_share=answer["enqueue_share"],
        conditions=make_conditions(around, answer["begin_ns"], answer["end_ns"]),
    )


def make_conditions(around: Around, begin_ns: int, end_ns: int) -> Conditions:
    """What went on between two moments of the monotonic clock, which all processes share."""
    window = [moment for moment in around.moments if begin_ns <= moment.at_ns <= end_ns]
    clocks = _values(window, CLOCK)
    temperatures = _values(window or around.moments, TEMPERATURE)
    missing = []
    if not _values(around.moments, TEMPERATURE):
        missing.append("temperature")
    if not _values(around.moments, CLOCK):
        missing.append("clock")
    if not around.throttle_after.readable:
        missing.append("throttling")
    return Conditions(
        others_cores=around.load.others_cores,
        steal_percent=around.load.steal_percent,
        throttled=_signs(around),
        seen={
            name: (min(values), max(values))
            for name in dict.fromkeys(name for moment in window for name in moment.values)
            if (values := _values(window, name))
        },
        clock_low_mhz=min(clocks, default=None),
        clock_mean_mhz=fmean(clocks) if clocks else None,
        nominal_clock_mhz=around.nominal_clock_mhz,
        temperature_high_c=max(temperatures, default=None),
        swapped_pages=around.swapped_pages,
        missing=tuple(missing),
        energy_mj=energy_mj(
            [moment.energy for moment in around.moments], begin_ns, end_ns, around.energy_wrap_uj
        ),
    )


def _signs(around: Around) -> tuple[str, ...]:
    """Everything that was up at any time, or rose from one reading to the next."""
    states = [
        around.throttle_before,
        *(moment.throttle for moment in around.moments),
        around.throttle_after,
    ]
    signs = {flag for state in states for flag in state.active}
    # Commands are left out during the measurement, so flags are compared at the ends only.
    signs.update(transitions(around.throttle_before, around.throttle_after))
    return tuple(sorted(signs))


def _values(moments: Sequence[Moment], name: str) -> list[float]:
    return [value for moment in moments if (value := moment.values.get(name)) is not None]
