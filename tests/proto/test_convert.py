"""Records survive the wire, and what cannot be a record is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from help_core.errors import BadInput
from help_core.records import (
    Answer,
    Board,
    CloudPoint,
    ColdFigures,
    Device,
    DeviceStatus,
    Failure,
    FailureClass,
    Job,
    JobState,
    LimitOutcome,
    MeasuredPoint,
    Measurement,
    Pick,
    Purpose,
    Reading,
    Report,
    Settings,
    Summary,
    Verdict,
)
from help_proto import convert, convert_answer, convert_report
from help_proto.v1 import fleet_types_pb2 as pb

SUMMARY = Summary(2.0, 1.9, 2.1, 1.5, 1.8, 2.2, 2.05)
MEASUREMENT = Measurement(
    samples_ns=(2_000_000, 1_500_000, 2**40),
    summary=SUMMARY,
    verdict=Verdict.SUSPECT,
    reasons=("other-load",),
    readings=(Reading("cpu_temperature_c", None, 61.5, 60.0, 62.5), Reading("load_1min", 0.0, 0.1)),
    fingerprint={"kernel": "6.1"},
    processes=(
        ColdFigures(4.5, 30.0, 9.0, 20, 3, 2.0, ("spread",), 0.5),
        ColdFigures(4.5, 31.0, 8.0, 10, reasons=("other-load",), set_aside_ns=(7, 8)),
    ),
)
DEVICE = Device("pi@lab-1", Board("replay", "m", "p", "Linux", 4, 2**33), Settings(threads=4))


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_job_survives_the_wire(state: JobState, purpose: Purpose) -> None:
    job = Job(7, "d", "nasbench201:x", purpose, state, 2, "agent", "crashed: x", "c1")
    assert convert.from_job(convert.to_job(job)) == job


def test_a_device_status_survives_the_wire() -> None:
    status = DeviceStatus(replace(DEVICE, away=True), 1, 2, 3, 4, 5)
    assert convert.from_device_status(convert.to_device_status(status)) == status


@pytest.mark.parametrize("away", [False, True])
def test_an_offered_device_survives_the_wire(away: bool) -> None:
    device = replace(DEVICE, agent_id="a" * 32, away=away)
    assert convert.from_offer(convert.to_offer(device), "a" * 32) == device


def test_a_measurement_survives_the_wire_with_what_is_unreadable() -> None:
    report = Report("k" * 32, 1, 2, 1.5, MEASUREMENT)
    wire = convert_report.to_report(report).SerializeToString()
    assert convert_report.from_report(pb.Report.FromString(wire)) == report


@pytest.mark.parametrize("kind", list(FailureClass))
def test_a_failure_survives_the_wire(kind: FailureClass) -> None:
    report = Report("k" * 32, 1, 2, 1.5, Failure(kind, "why"))
    assert convert_report.from_report(convert_report.to_report(report)) == report


@pytest.mark.parametrize("measured", [None, 0.5])
def test_an_answer_survives_the_wire_with_what_is_missing(measured: float | None) -> None:
    answer = Answer(
        device="d",
        space="nasbench201",
        predictor="help",
        accuracy_source="table",
        picks=(Pick(1.0, "nasbench201:x", 0.9, 0.8, 1.0, measured, measured, 5, 6),),
        limits=(LimitOutcome(1.0, True, "confirmed"),),
        support=(MeasuredPoint("nasbench201:y", 1.0, 1.1, Verdict.VALID),),
        confirmations=(),
        cloud=(CloudPoint(1.0, 70.0),),
        notes=("note",),
        elapsed_s=3.5,
    )
    assert convert_answer.from_answer(convert_answer.to_answer(answer)) == answer


def test_a_report_without_an_outcome_is_refused() -> None:
    with pytest.raises(BadInput, match="measurement or a failure"):
        convert_report.from_report(pb.Report(key="k" * 32))


def test_an_unknown_enum_value_asks_to_upgrade() -> None:
    with pytest.raises(BadInput, match="upgrade"):
        convert_report.from_verdict(99)


@given(st.binary(max_size=300))
def test_any_bytes_make_a_report_or_are_refused_as_bad_input(data: bytes) -> None:
    with suppress(DecodeError):
        message = pb.Report.FromString(data)
        with suppress(BadInput):
            assert convert_report.from_report(message).key == message.key
