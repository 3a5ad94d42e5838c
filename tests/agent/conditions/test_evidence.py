"""What the sampler saw becomes evidence of the right window."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.conditions import Sampler
from agent.conditions.energy import EnergySample
from agent.conditions.load import LoadBetween
from agent.conditions.snapshot import Moment
from agent.conditions.throttle import ThrottleState, read_throttle
from agent.measure.evidence import Around, make_conditions
from agent.measure.reasons import Reason
from agent.measure.replicate import Conditions
from agent.measure.thresholds import Thresholds
from agent.measure.verdict import judge_replicate
from tests.agent.measure.streams import quiet_replicate
from tests.agent.trees import PI, PI_THROTTLED, POLICY, grow

CALM = ThrottleState(readable=True)


def _moment(at_ns: int, clock_mhz: float | None = 1500.0, active: str = "") -> Moment:
    return Moment(
        at_ns,
        {"cpu_clock_mhz": clock_mhz, "cpu_temperature_c": 60.0, "running_tasks": 2.0},
        replace(CALM, active=frozenset({active} - {""})),
        EnergySample(at_ns, power_mw=2000.0),
    )


def _around(moments: Sequence[Moment], after: ThrottleState = CALM) -> Around:
    return Around(LoadBetween(0.1, 0.0), CALM, after, moments, 0.0, 1500.0, None)


def _reasons(conditions: Conditions) -> tuple[Reason, ...]:
    return judge_replicate(quiet_replicate(conditions=conditions), Thresholds())


def test_clocks_outside_the_sampling_window_do_not_count() -> None:
    # Before its child calculates, the board idles at a low clock.
    moments = [_moment(0, 600), _moment(10), _moment(20), _moment(30, 600)]
    conditions = make_conditions(_around(moments), begin_ns=5, end_ns=25)
    assert list(conditions.seen["cpu_clock_mhz"]) == [1500, 1500]
    assert [conditions.clock_low_mhz, conditions.clock_mean_mhz] == [1500, 1500]
    assert _reasons(conditions) == ()


def test_a_clock_that_sags_within_the_window_is_throttling() -> None:
    moments = [_moment(0), _moment(10), _moment(20, 1000), _moment(30)]
    conditions = make_conditions(_around(moments), 5, 25)
    assert _reasons(conditions) == (Reason.THROTTLED,)


def test_a_flag_that_is_up_for_a_moment_only_is_caught() -> None:
    moments = [_moment(0), _moment(10, active="throttled"), _moment(20)]
    assert _reasons(make_conditions(_around(moments), 0, 20)) == (Reason.THROTTLED,)


def test_a_flag_between_two_looks_is_caught_by_its_memory() -> None:
    after = replace(CALM, since_boot=frozenset({"under-voltage"}))
    conditions = make_conditions(_around([_moment(0), _moment(20)], after), 0, 20)
    assert _reasons(conditions) == (Reason.UNDER_VOLTAGE,)


def test_energy_is_that_of_the_window() -> None:
    moments = [_moment(second * 10**9) for second in range(4)]
    conditions = make_conditions(_around(moments), 10**9, 2 * 10**9)
    assert conditions.energy_mj == pytest.approx(2000)


def test_what_a_board_lacks_is_named() -> None:
    bare = Moment(0, {}, ThrottleState(), EnergySample(0))
    around = replace(_around([bare]), throttle_after=ThrottleState())
    assert make_conditions(around, 0, 1).missing == ("temperature", "clock", "throttling")


def test_the_sampler_catches_a_pi_that_throttles_while_it_measures(tmp_path: Path) -> None:
    system = grow(tmp_path, PI)
    before = read_throttle(system)
    begin = time.perf_counter_ns()
    with Sampler(system, time.perf_counter_ns, every_s=0.01) as sampler:
        _wait_for_moments(sampler, 3)
        throttling = {PI_THROTTLED: "20002\n", f"{POLICY}/scaling_cur_freq": "600000\n"}
        grow(tmp_path, throttling)
        _wait_for_moments(sampler, len(sampler.moments) + 3)
        grow(tmp_path, {PI_THROTTLED: "20000\n", f"{POLICY}/scaling_cur_freq": "1500000\n"})
        _wait_for_moments(sampler, len(sampler.moments) + 3)
    end = time.perf_counter_ns()
    around = Around(
        LoadBetween(0.0, 0.0), before, read_throttle(system), sampler.moments, 0.0, 1500.0, None
    )
    conditions = make_conditions(around, begin, end)
    assert conditions.throttled == ("clock-capped",)
    assert conditions.clock_low_mhz == 600
    assert _reasons(conditions) == (Reason.THROTTLED,)


def _wait_for_moments(sampler: Sampler, count: int) -> None:
    pause = threading.Event()
    for _ in range(500):
        if len(sampler.moments) >= count:
            return
        pause.wait(0.01)
    raise AssertionError("the sampler took no readings")
