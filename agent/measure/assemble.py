"""From judged processes to the record that is delivered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.measure.batch import Outcome
from agent.measure.replicate import Replicate
from agent.measure.statistics import summarise
from agent.measure.verdict import Judgement
from help_core.records import ColdFigures, Measurement, Reading


@dataclass(frozen=True, slots=True)
class Facts:
    """What belongs to the measurement beside its processes."""

    build_ms: float
    readings: tuple[Reading, ...]
    fingerprint: Mapping[str, str]


def assemble(
    outcome: Outcome, judgement: Judgement, used: Sequence[int], facts: Facts
) -> Measurement:
    """The record of a measured task: samples of the used processes, the others set aside."""
    chosen = [outcome.replicates[index] for index in used]
    parts = [replicate.samples_ns for replicate in chosen]
    samples = tuple(sample for part in parts for sample in part)
    waited = tuple(waited for replicate in chosen for waited in replicate.waited_ns)
    unused = [index for index in range(len(outcome.replicates)) if index not in used]
    return Measurement(
        samples_ns=samples,
        summary=summarise(samples, parts, waited_ns=waited),
        verdict=judgement.verdict,
        reasons=tuple(str(reason) for reason in judgement.reasons),
        readings=(*facts.readings, *_derived_readings(chosen, outcome)),
        fingerprint=facts.fingerprint,
        # Those that count come first, in the order of their samples.
        processes=tuple(
            _cold_figures(outcome, index, facts.build_ms, is_used=index in used)
            for index in (*used, *unused)
        ),
    )


def _cold_figures(outcome: Outcome, index: int, build_ms: float, *, is_used: bool) -> ColdFigures:
    replicate = outcome.replicates[index]
    return ColdFigures(
        build_ms=build_ms,
        session_ms=replicate.session_ms,
        first_run_ms=replicate.first_run_ms,
        warmup_runs=replicate.warmup_runs,
        samples=len(replicate.samples_ns) if is_used else 0,
        median_ms=replicate.median_ms,
        reasons=tuple(str(reason) for reason in outcome.reasons[index]),
        waited_ms=sum(replicate.waited_ns) / 1e6,
        set_aside_ns=() if is_used else replicate.samples_ns,
    )


def _derived_readings(chosen: Sequence[Replicate], outcome: Outcome) -> list[Reading]:
    found = [
        _spread("others_cores", [r.conditions.others_cores for r in chosen]),
        _spread("cpu_steal_percent", [r.conditions.steal_percent for r in chosen]),
        _spread("waited_percent", [100 * r.waited_share for r in chosen]),
        _spread("energy_per_run_mj", [_energy_per_run_mj(r) for r in chosen]),
    ]
    if outcome.sentinels_ms:
        first, last = outcome.sentinels_ms[0], outcome.sentinels_ms[-1]
        found.append(Reading("sentinel_ms", first, last))
    if outcome.waited_for_cooling_s > 0.1:
        found.append(Reading("cooling_pause_s", None, outcome.waited_for_cooling_s))
    return found


def _energy_per_run_mj(replicate: Replicate) -> float | None:
    energy_mj = replicate.conditions.energy_mj
    return None if energy_mj is None else energy_mj / len(replicate.samples_ns)


def _spread(name: str, values: Sequence[float | None]) -> Reading:
    """A reading that exists only during the measurement: its extremes and, as after, its mean."""
    known = [value for value in values if value is not None]
    if not known:
        return Reading(name, None, None)
    return Reading(name, None, sum(known) / len(known), min(known), max(known))
