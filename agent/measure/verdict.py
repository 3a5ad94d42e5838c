"""Whether to believe what was measured. Pure: from evidence and thresholds to reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from agent.measure.interval import autocorrelation, process_interval
from agent.measure.reasons import Reason, verdict_of, worth_repeating
from agent.measure.replicate import Conditions, Replicate
from agent.measure.statistics import relative_spread
from agent.measure.thresholds import Thresholds
from help_core.records import Verdict

UNDER_VOLTAGE = "under-voltage"
QUOTA = "quota-periods"


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not belong to a single process."""

    provider: str = ""
    governor: str = ""
    on_battery: bool = False
    facts_changed: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdict and reasons, in the order of ``Reason``."""

    verdict: Verdict
    reasons: tuple[Reason, ...]

    def with_reasons(self, more: Collection[Reason]) -> Judgement:
        """The same with further reasons."""
        reasons = _ordered([*self.reasons, *more])
        return Judgement(verdict_of(reasons), reasons)


def judge_replicate(replicate: Replicate, thresholds: Thresholds) -> tuple[Reason, ...]:
    """What is wrong with one process's samples."""
    found = _condition_reasons(replicate.conditions, thresholds)
    if replicate.waited_share > thresholds.waited_share:
        found.append(Reason.WAITED_FOR_CORE)
    if not replicate.steady:
        found.append(Reason.NOT_STEADY)
    if len(replicate.samples_ns) < thresholds.min_samples:
        found.append(Reason.TOO_FEW_SAMPLES)
    spread = relative_spread(replicate.net_ms)
    if spread > thresholds.gross_spread:
        found.append(Reason.GROSS_SPREAD)
    elif spread > thresholds.wide_spread:
        found.append(Reason.WIDE_SPREAD)
    values = replicate.net_ms
    # With few samples chance alone correlates neighbours by 2 / sqrt(count).
    chance = 2 / np.sqrt(len(values))
    if autocorrelation(values) > max(thresholds.autocorrelation, chance):
        found.append(Reason.AUTOCORRELATED)
    return _ordered(found)


def judge(replicates: Sequence[Replicate], thresholds: Thresholds, setting: Setting) -> Judgement:
    """The verdict over all processes of a measurement."""
    found = [
        reason for replicate in replicates for reason in judge_replicate(replicate, thresholds)
    ]
    found += _difference_reasons(replicates, thresholds)
    found += _provider_reasons(replicates, thresholds, setting.provider)
    if any(replicate.conditions.missing for replicate in replicates):
        found.append(Reason.SENSOR_UNREADABLE)
    if setting.governor not in ("performance", "", "unreadable"):
        found.append(Reason.GOVERNOR)
    if setting.on_battery:
        found.append(Reason.ON_BATTERY)
    if setting.facts_changed or len({tuple(sorted(r.facts.items())) for r in replicates}) > 1:
        found.append(Reason.FACTS_CHANGED)
    reasons = _ordered(found)
    return Judgement(verdict_of(reasons), reasons)


def is_clean(reasons: Sequence[Reason]) -> bool:
    """Whether nothing passing spoiled a process: another one would not do better."""
    return not worth_repeating(reasons)


def _condition_reasons(conditions: Conditions, thresholds: Thresholds) -> list[Reason]:
    found = []
    signs = set(conditions.throttled)
    if UNDER_VOLTAGE in signs:
        found.append(Reason.UNDER_VOLTAGE)
    if QUOTA in signs:
        found.append(Reason.CPU_QUOTA)
    if signs - {UNDER_VOLTAGE, QUOTA} or _is_slow_clock(conditions, thresholds):
        found.append(Reason.THROTTLED)
    if (conditions.others_cores or 0) > thresholds.other_load_cores:
        found.append(Reason.OTHER_LOAD)
    if (conditions.steal_percent or 0) > thresholds.steal_percent:
        found.append(Reason.CPU_STOLEN)
    if (conditions.swapped_pages or 0) > 0:
        found.append(Reason.SWAPPING)
    return found


def _is_slow_clock(conditions: Conditions, thresholds: Thresholds) -> bool:
    low, nominal = conditions.clock_low_mhz, conditions.nominal_clock_mhz
    return low is not None and nominal is not None and low < thresholds.throttled_clock * nominal


def _difference_reasons(replicates: Sequence[Replicate], thresholds: Thresholds) -> list[Reason]:
    if len(replicates) < 2:
        return [Reason.SINGLE_PROCESS] if replicates else []
    found = []
    medians = np.array([replicate.median_ms for replicate in replicates])
    low, high = process_interval(medians)
    if (high - low) / 2 > thresholds.interval * float(np.median(medians)):
        found.append(Reason.INTERVAL_TOO_WIDE)
    if medians.max() > (1 + thresholds.process_spread) * medians.min():
        found.append(Reason.PROCESSES_DIFFER)
    clocks = [clock for r in replicates if (clock := r.conditions.clock_mean_mhz) is not None]
    if clocks and max(clocks) > (1 + thresholds.clock_drift) * min(clocks):
        found.append(Reason.CLOCK_DRIFT)
    return found


def _provider_reasons(
    replicates: Sequence[Replicate], thresholds: Thresholds, provider: str
) -> list[Reason]:
    found = []
    for replicate in replicates:
        if not replicate.assignment:
            found.append(Reason.PROVIDER_UNPROVEN)
        elif set(replicate.assignment) - {provider}:
            found.append(Reason.PROVIDER_FALLBACK)
        if (replicate.enqueue_share or 0) > thresholds.enqueue_share:
            found.append(Reason.HOST_BOUND)
    return found


def _ordered(found: Sequence[Reason]) -> tuple[Reason, ...]:
    return tuple(reason for reason in Reason if reason in found)
