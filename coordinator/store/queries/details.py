"""What is kept of a measurement besides its samples and verdict: one JSON value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from help_core.records import ColdFigures, Measurement, Reading, Summary

_to_json = json.JSONEncoder(check_circular=False).encode


def to_details(measurement: Measurement) -> str:
    """The JSON of a measurement; ``parts`` reads it."""
    # Written out: dataclasses.asdict would take most of the time of a batch.
    return _to_json(
        {
            "summary": _summary(measurement.summary),
            "reasons": measurement.reasons,
            "readings": [_reading(one) for one in measurement.readings],
            "fingerprint": dict(measurement.fingerprint),
            "processes": [_process(one) for one in measurement.processes],
        }
    )


def parts(details: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a ``Measurement`` besides its samples and verdict.

    What older coordinators did not write has its default.
    """
    return {
        "summary": Summary(**details["summary"]),
        "reasons": tuple(details["reasons"]),
        "readings": tuple(Reading(**one) for one in details["readings"]),
        "fingerprint": details["fingerprint"],
        "processes": tuple(ColdFigures(**one) for one in details["processes"]),
    }


def _summary(summary: Summary) -> dict[str, float]:
    return {
        "median_ms": summary.median_ms,
        "low_ms": summary.low_ms,
        "high_ms": summary.high_ms,
        "min_ms": summary.min_ms,
        "q1_ms": summary.q1_ms,
        "q3_ms": summary.q3_ms,
        "mean_ms": summary.mean_ms,
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "name": reading.name,
        "before": reading.before,
        "after": reading.after,
        "low": reading.low,
        "high": reading.high,
    }


def _process(cold: ColdFigures) -> dict[str, Any]:
    return {
        "build_ms": cold.build_ms,
        "session_ms": cold.session_ms,
        "first_run_ms": cold.first_run_ms,
        "warmup_runs": cold.warmup_runs,
        "samples": cold.samples,
        "median_ms": cold.median_ms,
        "reasons": cold.reasons,
        "waited_ms": cold.waited_ms,
        "set_aside_ns": cold.set_aside_ns,
    }
