"""From judged processes to the record, and the merging of records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.measure.assemble import Facts, assemble
from agent.measure.batch import Outcome
from agent.measure.fingerprint import differences, merge
from agent.measure.reasons import Reason
from agent.measure.replicate import Conditions
from agent.measure.thresholds import Thresholds
from agent.measure.verdict import Setting, judge
from help_core.errors import Conflict
from help_core.records import Measurement
from tests.agent.measure.streams import quiet_replicate

PRINT = {"kernel": "6.1", "model_sha256": "00", "thresholds": str(Thresholds())}


def _measurement(fingerprint: dict[str, str], seed: int = 0) -> Measurement:
    outcome = Outcome(sentinels_ms=[1.0, 1.1])
    energetic = Conditions(others_cores=0.02, energy_mj=500.0)
    for process in range(3):
        outcome.add(quiet_replicate(seed=seed + process, conditions=energetic), ())
    outcome.replicates.insert(1, quiet_replicate(2e6))
    outcome.reasons.insert(1, (Reason.OTHER_LOAD,))
    used = outcome.used(3)
    chosen = [outcome.replicates[index] for index in used]
    judgement = judge(chosen, Thresholds(), Setting("CPUExecutionProvider"))
    return assemble(outcome, judgement, used, Facts(5.0, (), fingerprint))


def test_samples_are_those_of_the_used_processes_and_the_others_are_kept_beside_them() -> None:
    measurement = _measurement(PRINT)
    counts = [process.samples for process in measurement.processes]
    assert sum(counts) == len(measurement.samples_ns)
    assert counts[3] == 0
    aside = measurement.processes[3]
    assert aside.reasons == ("other-load",)
    assert len(aside.set_aside_ns) > 10
    assert measurement.summary.median_ms == pytest.approx(1.0, rel=0.01)


def test_sentinel_load_and_energy_are_readings() -> None:
    readings = {reading.name: reading for reading in _measurement(PRINT).readings}
    assert (readings["sentinel_ms"].before, readings["sentinel_ms"].after) == (1.0, 1.1)
    assert readings["others_cores"].high == 0.02
    samples = len(_measurement(PRINT).samples_ns) / 3
    assert readings["energy_per_run_mj"].after == pytest.approx(500 / samples, rel=0.2)
    assert readings["cpu_steal_percent"].after is None


def test_results_merge_only_within_one_fingerprint() -> None:
    first, second = _measurement(PRINT), _measurement(PRINT, seed=50)
    merged = merge([first, second])
    assert len(merged.samples_ns) == len(first.samples_ns) + len(second.samples_ns)
    assert len(merged.processes) == 8
    assert merged.summary.low_ms <= merged.summary.median_ms <= merged.summary.high_ms
    other = replace(second, fingerprint={**PRINT, "kernel": "6.2"})
    with pytest.raises(Conflict, match="kernel"):
        merge([first, other])


def test_thresholds_are_recorded_and_not_compared() -> None:
    assert differences(PRINT, {**PRINT, "thresholds": "others"}) == []
    assert differences(PRINT, {"kernel": "6.1"}) == ["model_sha256"]
