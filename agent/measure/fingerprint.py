"""What must agree before results are merged (rule 23), and the merging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.measure.reasons import Reason, verdict_of
from agent.measure.statistics import summarise
from help_core.errors import Conflict
from help_core.records import Measurement

NOT_COMPARED = frozenset({"thresholds"})
"""Recorded with a result, but no property of what was measured."""


def differences(first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    """Names of the facts that differ; empty if results may be merged."""
    names = (set(first) | set(second)) - NOT_COMPARED
    return sorted(name for name in names if first.get(name) != second.get(name))


def merge(measurements: Sequence[Measurement]) -> Measurement:
    """One measurement of all processes of several; raises ``Conflict`` on different fingerprints.

    The readings are those of the first before and of the last after.
    """
    first = measurements[0]
    for other in measurements[1:]:
        names = differences(first.fingerprint, other.fingerprint)
        if names:
            raise Conflict(f"measurements made under different {', '.join(names)} cannot be merged")
    parts = [part for measurement in measurements for part in _parts(measurement)]
    samples = tuple(sample for part in parts for sample in part)
    reasons = {reason for measurement in measurements for reason in measurement.reasons}
    known = tuple(reason for reason in Reason if reason in reasons)
    return Measurement(
        samples_ns=samples,
        summary=summarise(samples, parts),
        verdict=verdict_of(known),
        reasons=known,
        readings=first.readings,
        fingerprint=first.fingerprint,
        processes=tuple(cold for measurement in measurements for cold in measurement.processes),
    )


def _parts(measurement: Measurement) -> list[tuple[int, ...]]:
    parts = []
    start = 0
    for process in measurement.processes:
        if process.samples:
            parts.append(measurement.samples_ns[start : start + process.samples])
            start += process.samples
    return parts or [measurement.samples_ns]
