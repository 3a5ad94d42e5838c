"""Progress and answers of long requests to messages and back."""

from __future__ import annotations

from google.protobuf.message import Message

from help_core.records import (
    Answer,
    CloudPoint,
    LimitOutcome,
    MeasuredPoint,
    Pick,
    PickOnDevice,
    Progress,
)
from help_core.records.orders import MEDIAN
from help_proto.convert_order import from_objective, to_objective
from help_proto.convert_report import from_verdict, to_verdict
from help_proto.v1 import fleet_service_pb2 as pb


def to_progress(progress: Progress) -> pb.Progress:
    """Progress to the wire."""
    return pb.Progress(
        phase=progress.phase, done=progress.done, total=progress.total, message=progress.message
    )


def from_progress(message: pb.Progress) -> Progress:
    """Progress from the wire."""
    return Progress(message.phase, message.done, message.total, message.message)


def to_pick(pick: Pick) -> pb.Pick:
    """Pick to the wire."""
    return pb.Pick(
        limit_ms=pick.limit_ms,
        architecture=pick.architecture,
        predicted_ms=pick.predicted_ms,
        low_ms=pick.low_ms,
        high_ms=pick.high_ms,
        measured_ms=pick.measured_ms,
        accuracy_percent=pick.accuracy_percent,
        parameters=pick.parameters,
        multiply_adds=pick.multiply_adds,
        min_accuracy_percent=pick.min_accuracy_percent,
        devices=[_to_pick_on_device(one) for one in pick.devices],
    )


def from_pick(message: pb.Pick) -> Pick:
    """Pick from the wire."""
    return Pick(
        limit_ms=_given(message, "limit_ms"),
        architecture=message.architecture,
        predicted_ms=message.predicted_ms,
        low_ms=message.low_ms,
        high_ms=message.high_ms,
        measured_ms=_given(message, "measured_ms"),
        accuracy_percent=_given(message, "accuracy_percent"),
        parameters=message.parameters,
        multiply_adds=message.multiply_adds,
        min_accuracy_percent=_given(message, "min_accuracy_percent"),
        devices=tuple(_from_pick_on_device(one) for one in message.devices),
    )


def _to_pick_on_device(one: PickOnDevice) -> pb.PickOnDevice:
    return pb.PickOnDevice(
        device=one.device,
        predicted_ms=one.predicted_ms,
        low_ms=one.low_ms,
        high_ms=one.high_ms,
        measured_ms=one.measured_ms,
        median_ms=one.median_ms,
        memory_mib=one.memory_mib,
        energy_mj=one.energy_mj,
    )


def _from_pick_on_device(message: pb.PickOnDevice) -> PickOnDevice:
    return PickOnDevice(
        device=message.device,
        predicted_ms=message.predicted_ms,
        low_ms=message.low_ms,
        high_ms=message.high_ms,
        measured_ms=_given(message, "measured_ms"),
        median_ms=_given(message, "median_ms"),
        memory_mib=_given(message, "memory_mib"),
        energy_mj=_given(message, "energy_mj"),
    )


def _given(message: Message, field: str) -> float | None:
    """The value of an optional number, ``None`` where it is absent."""
    return float(getattr(message, field)) if message.HasField(field) else None


def to_limit(outcome: LimitOutcome) -> pb.LimitOutcome:
    """Outcome of a limit to the wire."""
    return pb.LimitOutcome(
        limit_ms=outcome.limit_ms,
        met=outcome.met,
        message=outcome.message,
        min_accuracy_percent=outcome.min_accuracy_percent,
    )


def from_limit(message: pb.LimitOutcome) -> LimitOutcome:
    """Outcome of a limit from the wire."""
    return LimitOutcome(
        _given(message, "limit_ms"),
        message.met,
        message.message,
        _given(message, "min_accuracy_percent"),
    )


def to_answer(answer: Answer) -> pb.Answer:
    """Answer to the wire."""
    return pb.Answer(
        device=answer.device,
        space=answer.space,
        predictor=answer.predictor,
        accuracy_source=answer.accuracy_source,
        picks=[to_pick(pick) for pick in answer.picks],
        limits=[to_limit(outcome) for outcome in answer.limits],
        support=[_to_point(point) for point in answer.support],
        confirmations=[_to_point(point) for point in answer.confirmations],
        cloud=[
            pb.CloudPoint(latency_ms=point.latency_ms, accuracy_percent=point.accuracy_percent)
            for point in answer.cloud
        ],
        notes=answer.notes,
        elapsed_s=answer.elapsed_s,
        devices=answer.devices,
        percentile=answer.percentile,
        objective=to_objective(answer.objective),
        candidates=answer.candidates,
        candidates_name=answer.candidates_name,
    )


def from_answer(message: pb.Answer) -> Answer:
    """Answer from the wire."""
    return Answer(
        device=message.device,
        space=message.space,
        predictor=message.predictor,
        accuracy_source=message.accuracy_source,
        picks=tuple(from_pick(pick) for pick in message.picks),
        limits=tuple(from_limit(outcome) for outcome in message.limits),
        support=tuple(_from_point(point) for point in message.support),
        confirmations=tuple(_from_point(point) for point in message.confirmations),
        cloud=tuple(
            CloudPoint(point.latency_ms, point.accuracy_percent) for point in message.cloud
        ),
        notes=tuple(message.notes),
        elapsed_s=message.elapsed_s,
        devices=tuple(message.devices),
        percentile=message.percentile or MEDIAN,
        objective=from_objective(message.objective),
        candidates=message.candidates,
        candidates_name=message.candidates_name,
    )


def _to_point(point: MeasuredPoint) -> pb.MeasuredPoint:
    return pb.MeasuredPoint(
        architecture=point.architecture,
        latency_ms=point.latency_ms,
        predicted_ms=point.predicted_ms,
        verdict=to_verdict(point.verdict),
        device=point.device,
    )


def _from_point(message: pb.MeasuredPoint) -> MeasuredPoint:
    return MeasuredPoint(
        message.architecture,
        message.latency_ms,
        message.predicted_ms,
        from_verdict(message.verdict),
        message.device,
    )
