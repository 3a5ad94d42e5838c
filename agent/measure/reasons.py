"""Why a number is not to be believed, or only with a remark: one list for the whole product.

The names go over the wire and into tables; they are never renamed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from help_core.records import Verdict


class Effect(StrEnum):
    """What a reason makes of a measurement."""

    NOTE = "note"
    SUSPECT = "suspect"
    INVALID = "invalid"


class Reason(StrEnum):
    """Machine-readable reasons; ``explain`` has a sentence and a way out for each."""

    THROTTLED = "throttled"
    UNDER_VOLTAGE = "under-voltage"
    CLOCK_DRIFT = "clock-drift"
    OTHER_LOAD = "other-load"
    WAITED_FOR_CORE = "waited-for-core"
    CPU_STOLEN = "cpu-stolen"
    CPU_QUOTA = "cpu-quota"
    SWAPPING = "swapping"
    NOT_STEADY = "not-steady"
    INTERVAL_TOO_WIDE = "interval-too-wide"
    PROCESSES_DIFFER = "processes-differ"
    WIDE_SPREAD = "wide-spread"
    GROSS_SPREAD = "gross-spread"
    TOO_FEW_SAMPLES = "too-few-samples"
    SENTINEL_DRIFT = "sentinel-drift"
    PROVIDER_FALLBACK = "provider-fallback"
    FACTS_CHANGED = "facts-changed"
    AUTOCORRELATED = "autocorrelated"
    HOST_BOUND = "host-bound"
    PROVIDER_UNPROVEN = "provider-unproven"
    SENSOR_UNREADABLE = "sensor-unreadable"
    GOVERNOR = "governor"
    ON_BATTERY = "on-battery"
    REPEATED = "repeated"
    SINGLE_PROCESS = "single-process"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reason means, and what a person can do."""

    effect: Effect
    passing: bool
    """Whether measuring again may find it gone."""
    what: str
    fix: str


_S, _N, _I = Effect.SUSPECT, Effect.NOTE, Effect.INVALID

EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.THROTTLED: Explanation(
        _S, True, "the board slowed itself down", "cool it: heat sink, fan, free air, pauses"
    ),
    Reason.UNDER_VOLTAGE: Explanation(
        _S, True, "the supply voltage was too low", "use the board's own power supply and cable"
    ),
    Reason.CLOCK_DRIFT: Explanation(
        _S, True, "the clock differed between processes", "fix it with 'help-agent tune'"
    ),
    Reason.OTHER_LOAD: Explanation(
        _S, True, "other processes kept the processor busy", "stop them while measuring"
    ),
    Reason.WAITED_FOR_CORE: Explanation(
        _S, True, "runs stood waiting for a core", "stop other processes or use fewer threads"
    ),
    Reason.CPU_STOLEN: Explanation(
        _S, True, "the hypervisor gave the cores to others", "use a dedicated or larger machine"
    ),
    Reason.CPU_QUOTA: Explanation(
        _S, True, "the container's processor quota was used up", "raise or remove the quota"
    ),
    Reason.SWAPPING: Explanation(
        _S, True, "memory was swapped", "free memory or use a smaller batch"
    ),
    Reason.NOT_STEADY: Explanation(
        _S, True, "no steady state was reached", "look for periodic jobs, heat or power saving"
    ),
    Reason.INTERVAL_TOO_WIDE: Explanation(
        _S, True, "the 95 % interval of the median is too wide", "measure on a quieter board"
    ),
    Reason.PROCESSES_DIFFER: Explanation(
        _N,
        False,
        "fresh processes gave different medians; the interval allows for it",
        "nothing to do",
    ),
    Reason.WIDE_SPREAD: Explanation(
        _S, True, "the middle half of the samples spreads widely", "measure on a quieter board"
    ),
    Reason.GROSS_SPREAD: Explanation(
        _S, True, "the middle half of the samples spreads grossly", "find what runs beside it"
    ),
    Reason.TOO_FEW_SAMPLES: Explanation(
        _S, False, "a run takes so long that few samples fit the time", "allow more time"
    ),
    Reason.SENTINEL_DRIFT: Explanation(
        _S, True, "a fixed model's latency drifted meanwhile", "let the board come to rest"
    ),
    Reason.PROVIDER_FALLBACK: Explanation(
        _I, False, "nodes ran on another provider than asked", "use a provider that has them all"
    ),
    Reason.FACTS_CHANGED: Explanation(
        _I, False, "governor, power mode or runtime changed meanwhile", "leave them alone"
    ),
    Reason.AUTOCORRELATED: Explanation(
        _N, False, "neighbouring samples are alike; the interval allows for it", "nothing to do"
    ),
    Reason.HOST_BOUND: Explanation(
        _N, False, "handing out work takes longer than doing it", "use a larger batch"
    ),
    Reason.PROVIDER_UNPROVEN: Explanation(
        _N, False, "the runtime does not tell where nodes ran", "use onnxruntime 1.24 or newer"
    ),
    Reason.SENSOR_UNREADABLE: Explanation(
        _N,
        False,
        "temperature, clock or throttling cannot be read here",
        "nothing to do: a limit of this machine",
    ),
    Reason.GOVERNOR: Explanation(
        _N, False, "the clock follows the load", "fix it with 'help-agent tune'"
    ),
    Reason.ON_BATTERY: Explanation(_N, False, "the machine ran from its battery", "plug it in"),
    Reason.REPEATED: Explanation(
        _N, False, "some processes were spoiled and measured again", "nothing to do"
    ),
    Reason.SINGLE_PROCESS: Explanation(
        _N,
        False,
        "made in one process, so that differences between processes stay unseen",
        "measure with --processes 3",
    ),
}


def explain(name: str) -> Explanation:
    """The explanation of a reason by name; of an unknown one (a newer agent's) an honest one."""
    try:
        return EXPLANATIONS[Reason(name)]
    except ValueError:
        return Explanation(Effect.SUSPECT, False, "unknown here", "upgrade this side")


def verdict_of(reasons: Iterable[Reason]) -> Verdict:
    """The worst that any reason makes of a measurement."""
    effects = {EXPLANATIONS[reason].effect for reason in reasons}
    if Effect.INVALID in effects:
        return Verdict.INVALID
    return Verdict.SUSPECT if Effect.SUSPECT in effects else Verdict.VALID


def worth_repeating(reasons: Iterable[Reason]) -> bool:
    """Whether something spoiled the number that may have passed next time."""
    return any(
        EXPLANATIONS[reason].passing and EXPLANATIONS[reason].effect is Effect.SUSPECT
        for reason in reasons
    )
