"""Reports to messages and back: measurements and failures; see ``convert.py``."""

from __future__ import annotations

from functools import lru_cache

from help_core.errors import BadInput
from help_core.records import (
    ColdFigures,
    Failure,
    FailureClass,
    Measurement,
    Reading,
    Report,
    Summary,
    Verdict,
)
from help_proto.convert import enum_number, enum_value, number, text
from help_proto.v1 import fleet_types_pb2 as pb


def to_verdict(verdict: Verdict) -> pb.Verdict.ValueType:
    """Verdict to the wire."""
    return pb.Verdict.ValueType(enum_number("VERDICT", pb.Verdict, verdict))


@lru_cache(maxsize=16)
def from_verdict(number: int) -> Verdict:
    """Verdict from the wire."""
    return enum_value("VERDICT", pb.Verdict, Verdict, number)


def to_report(report: Report) -> pb.Report:
    """Report to the wire."""
    message = pb.Report(
        key=report.key,
        job_id=report.job_id,
        token=report.token,
        measured_unix_s=report.measured_unix_s,
    )
    if isinstance(report.outcome, Measurement):
        message.measurement.CopyFrom(_to_measurement(report.outcome))
    else:
        number = enum_number("FAILURE_CLASS", pb.FailureClass, report.outcome.failure_class)
        message.failure.failure_class = pb.FailureClass.ValueType(number)
        message.failure.message = report.outcome.message
    return message


def from_report(message: pb.Report) -> Report:
    """Report from the wire."""
    outcome: Measurement | Failure
    if message.WhichOneof("outcome") == "measurement":
        outcome = _from_measurement(message.measurement)
    elif message.WhichOneof("outcome") == "failure":
        failure = message.failure
        outcome = Failure(
            enum_value("FAILURE_CLASS", pb.FailureClass, FailureClass, failure.failure_class),
            text("failure message", failure.message),
        )
    else:
        raise BadInput("a report must hold a measurement or a failure")
    return Report(
        key=text("report key", message.key, 64),
        job_id=number("job id", message.job_id),
        token=number("token", message.token),
        measured_unix_s=message.measured_unix_s,
        outcome=outcome,
    )


def _to_measurement(measurement: Measurement) -> pb.Measurement:
    summary = measurement.summary
    return pb.Measurement(
        samples_ns=measurement.samples_ns,
        summary=pb.Summary(
            median_ms=summary.median_ms,
            low_ms=summary.low_ms,
            high_ms=summary.high_ms,
            min_ms=summary.min_ms,
            q1_ms=summary.q1_ms,
            q3_ms=summary.q3_ms,
            mean_ms=summary.mean_ms,
        ),
        verdict=to_verdict(measurement.verdict),
        reasons=measurement.reasons,
        readings=[
            pb.Reading(
                name=reading.name,
                before=reading.before,
                after=reading.after,
                low=reading.low,
                high=reading.high,
            )
            for reading in measurement.readings
        ],
        fingerprint=dict(measurement.fingerprint),
        processes=[
            pb.ColdFigures(
                build_ms=cold.build_ms,
                session_ms=cold.session_ms,
                first_run_ms=cold.first_run_ms,
                warmup_runs=cold.warmup_runs,
                samples=cold.samples,
                median_ms=cold.median_ms,
                reasons=cold.reasons,
                waited_ms=cold.waited_ms,
                set_aside_ns=cold.set_aside_ns,
            )
            for cold in measurement.processes
        ],
    )


def _from_measurement(message: pb.Measurement) -> Measurement:
    summary = message.summary
    return Measurement(
        # A slice is copied at once, which takes half the time of going through it.
        samples_ns=tuple(message.samples_ns[:]),
        summary=Summary(
            median_ms=summary.median_ms,
            low_ms=summary.low_ms,
            high_ms=summary.high_ms,
            min_ms=summary.min_ms,
            q1_ms=summary.q1_ms,
            q3_ms=summary.q3_ms,
            mean_ms=summary.mean_ms,
        ),
        verdict=from_verdict(message.verdict),
        reasons=tuple(text("reason", reason, 256) for reason in message.reasons),
        readings=tuple(_from_reading(reading) for reading in message.readings),
        fingerprint={
            text("fingerprint key", key, 64): text("fingerprint value", value, 512)
            for key, value in message.fingerprint.items()
        },
        processes=tuple(_from_cold_figures(cold) for cold in message.processes),
    )


def _from_cold_figures(message: pb.ColdFigures) -> ColdFigures:
    return ColdFigures(
        build_ms=message.build_ms,
        session_ms=message.session_ms,
        first_run_ms=message.first_run_ms,
        warmup_runs=message.warmup_runs,
        samples=message.samples,
        median_ms=message.median_ms,
        reasons=tuple(text("reason", reason, 256) for reason in message.reasons),
        waited_ms=message.waited_ms,
        set_aside_ns=tuple(message.set_aside_ns),
    )


def _from_reading(message: pb.Reading) -> Reading:
    return Reading(
        text("reading name", message.name, 64),
        message.before if message.HasField("before") else None,
        message.after if message.HasField("after") else None,
        message.low if message.HasField("low") else None,
        message.high if message.HasField("high") else None,
    )
