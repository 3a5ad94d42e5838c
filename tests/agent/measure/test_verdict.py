"""From evidence to verdict: each reason by what causes it, and none without cause."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.measure.reasons import EXPLANATIONS, Effect, Reason, explain, verdict_of, worth_repeating
from agent.measure.replicate import Conditions
from agent.measure.thresholds import Thresholds
from agent.measure.verdict import Setting, judge, judge_replicate
from help_core.records import Verdict
from tests.agent.measure.streams import correlated, measure, noisy, quiet_replicate, replicate_of

CPU = Setting(provider="CPUExecutionProvider")
LIMITS = Thresholds()


def test_three_quiet_processes_are_valid_without_a_reason() -> None:
    judgement = judge([quiet_replicate(seed=seed) for seed in range(3)], LIMITS, CPU)
    assert judgement.verdict is Verdict.VALID
    assert judgement.reasons == ()


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        (Conditions(others_cores=0.4), Reason.OTHER_LOAD),
        (Conditions(steal_percent=5.0), Reason.CPU_STOLEN),
        (Conditions(throttled=("throttled",)), Reason.THROTTLED),
        (Conditions(throttled=("core-throttle",)), Reason.THROTTLED),
        (Conditions(throttled=("under-voltage",)), Reason.UNDER_VOLTAGE),
        (Conditions(throttled=("quota-periods",)), Reason.CPU_QUOTA),
        (Conditions(clock_low_mhz=700, nominal_clock_mhz=1000), Reason.THROTTLED),
        (Conditions(swapped_pages=12), Reason.SWAPPING),
    ],
)
def test_what_goes_on_around_a_process_is_its_reason(
    conditions: Conditions, reason: Reason
) -> None:
    assert judge_replicate(quiet_replicate(conditions=conditions), LIMITS) == (reason,)
    judgement = judge([quiet_replicate(conditions=conditions)], LIMITS, CPU)
    assert judgement.verdict is Verdict.SUSPECT


def test_conditions_within_their_thresholds_are_no_reason() -> None:
    conditions = Conditions(
        others_cores=0.1, steal_percent=1.0, clock_low_mhz=800, nominal_clock_mhz=1000
    )
    assert judge_replicate(quiet_replicate(conditions=conditions), LIMITS) == ()


def test_a_drift_a_bimodal_and_a_waiting_stream_each_get_their_reason() -> None:
    quiet = noisy(1e7, 0.002)
    drifting = replicate_of(measure(lambda run: quiet(run) * (1 + 0.01 * run)))
    assert Reason.NOT_STEADY in judge_replicate(drifting, LIMITS)
    modes = np.random.default_rng(0).choice([1.0, 1.4], 20_000)
    bimodal = replicate_of(measure(lambda run: 1e7 * float(modes[run])))
    assert Reason.GROSS_SPREAD in judge_replicate(bimodal, LIMITS)
    waiting = replicate_of(measure(quiet, wait_ns=lambda run: 4e6 if run % 3 == 0 else 0))
    assert judge_replicate(waiting, LIMITS) == (Reason.WAITED_FOR_CORE,)


def test_a_wide_spread_is_told_from_a_gross_one() -> None:
    wide = replicate_of(measure(noisy(1e7, 0.1)))
    gross = replicate_of(measure(noisy(1e7, 0.3)))
    assert Reason.WIDE_SPREAD in judge_replicate(wide, LIMITS)
    assert Reason.GROSS_SPREAD in judge_replicate(gross, LIMITS)


def test_correlated_samples_are_noted_and_stay_valid() -> None:
    parts = [replicate_of(measure(correlated(1e6, 0.01, 0.8, seed))) for seed in range(3)]
    judgement = judge(parts, LIMITS, CPU)
    assert judgement.verdict is Verdict.VALID
    assert judgement.reasons == (Reason.AUTOCORRELATED,)


def test_a_model_too_slow_for_its_time_has_too_few_samples() -> None:
    assert Reason.TOO_FEW_SAMPLES in judge_replicate(
        replicate_of(measure(noisy(4e9, 0.002))), LIMITS
    )


def test_few_processes_that_differ_are_suspect_though_each_is_clean() -> None:
    parts = [quiet_replicate(level) for level in (1.0e6, 1.0e6, 1.08e6)]
    judgement = judge(parts, LIMITS, CPU)
    assert judgement.verdict is Verdict.SUSPECT
    assert {Reason.PROCESSES_DIFFER, Reason.INTERVAL_TOO_WIDE} <= set(judgement.reasons)


def test_one_slow_process_among_many_is_noted_and_the_median_believed() -> None:
    parts = [quiet_replicate(level) for level in (1.0e6, 1.0e6, 1.08e6, 1.0e6, 1.01e6, 1.0e6)]
    judgement = judge(parts, LIMITS, CPU)
    assert judgement.verdict is Verdict.VALID
    assert judgement.reasons == (Reason.PROCESSES_DIFFER,)


def test_two_processes_far_apart_have_too_wide_an_interval() -> None:
    parts = [quiet_replicate(1.0e6), quiet_replicate(1.03e6)]
    assert Reason.INTERVAL_TOO_WIDE in judge(parts, LIMITS, CPU).reasons


def test_clocks_that_differ_between_processes_are_a_drift() -> None:
    parts = [quiet_replicate(conditions=Conditions(clock_mean_mhz=clock)) for clock in (1500, 1400)]
    assert Reason.CLOCK_DRIFT in judge(parts, LIMITS, CPU).reasons


def test_a_single_process_is_noted_since_it_hides_differences_between_processes() -> None:
    alone = judge([quiet_replicate()], LIMITS, CPU)
    assert alone.reasons == (Reason.SINGLE_PROCESS,)
    assert alone.verdict is Verdict.VALID
    assert Reason.SINGLE_PROCESS not in judge([quiet_replicate()] * 2, LIMITS, CPU).reasons


def test_a_node_on_another_provider_makes_the_figure_invalid() -> None:
    part = replace(
        quiet_replicate(), assignment={"CUDAExecutionProvider": 40, "CPUExecutionProvider": 1}
    )
    judgement = judge([part] * 3, LIMITS, Setting(provider="CUDAExecutionProvider"))
    assert judgement.verdict is Verdict.INVALID
    assert judgement.reasons == (Reason.PROVIDER_FALLBACK,)


def test_a_runtime_that_proves_nothing_and_a_busy_host_are_noted() -> None:
    part = replace(quiet_replicate(), assignment=None, enqueue_share=0.95)
    judgement = judge([part] * 3, LIMITS, Setting(provider="x"))
    assert judgement.verdict is Verdict.VALID
    assert judgement.reasons == (Reason.HOST_BOUND, Reason.PROVIDER_UNPROVEN)


def test_settings_of_the_board_are_noted_and_a_change_of_them_is_invalid() -> None:
    setting = Setting("CPUExecutionProvider", governor="ondemand", on_battery=True)
    assert judge([quiet_replicate()] * 3, LIMITS, setting).reasons == (
        Reason.GOVERNOR,
        Reason.ON_BATTERY,
    )
    changed = replace(setting, facts_changed=True)
    assert judge([quiet_replicate()], LIMITS, changed).verdict is Verdict.INVALID


def test_an_unreadable_sensor_is_said() -> None:
    part = quiet_replicate(conditions=Conditions(missing=("clock",)))
    assert judge([part] * 3, LIMITS, CPU).reasons == (Reason.SENSOR_UNREADABLE,)


def test_every_reason_is_explained_with_a_way_out() -> None:
    assert set(EXPLANATIONS) == set(Reason)
    assert all(one.what and one.fix for one in EXPLANATIONS.values())
    assert explain("from-the-future").effect is Effect.SUSPECT


def test_the_worst_reason_makes_the_verdict_and_only_passing_ones_are_worth_repeating() -> None:
    assert verdict_of([Reason.GOVERNOR]) is Verdict.VALID
    assert verdict_of([Reason.GOVERNOR, Reason.THROTTLED]) is Verdict.SUSPECT
    assert verdict_of([Reason.THROTTLED, Reason.PROVIDER_FALLBACK]) is Verdict.INVALID
    assert worth_repeating([Reason.OTHER_LOAD])
    assert not worth_repeating([Reason.TOO_FEW_SAMPLES, Reason.PROVIDER_FALLBACK, Reason.GOVERNOR])


def test_thresholds_fit_the_record() -> None:
    assert "other_load_cores=0.15" in str(LIMITS)
    assert len(str(LIMITS)) <= 512
