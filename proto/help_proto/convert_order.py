"""What a user asks an adaptation for, to its message and back."""

from __future__ import annotations

from typing import TypeVar

from help_core.records import AdaptOrder
from help_core.records.orders import DEFAULT_SAMPLES, MEDIAN, Limits, Objective
from help_proto.convert import enum_number, enum_value, number, text
from help_proto.v1 import fleet_service_pb2 as pb

T = TypeVar("T")


def to_adapt(order: AdaptOrder) -> pb.AdaptRequest:
    """Order to the wire."""
    limits = order.limits
    return pb.AdaptRequest(
        device=order.device,
        space=order.space,
        predictor=order.predictor,
        samples=order.samples,
        max_latency_ms=order.max_latency_ms,
        top=order.top,
        verify=order.verify,
        winner_measurements=order.winner_measurements,
        seed=order.seed,
        fresh=order.fresh,
        more_devices=order.more_devices,
        percentile=order.percentile,
        limits=pb.Limits(
            max_parameters=limits.max_parameters,
            max_multiply_adds=limits.max_multiply_adds,
            max_memory_mib=limits.max_memory_mib,
            max_energy_mj=limits.max_energy_mj,
        ),
        min_accuracy_percent=order.min_accuracy_percent,
        whole_front=order.whole_front,
        objective=to_objective(order.objective),
        accuracy_source=order.accuracy_source,
        candidates=order.candidates,
        candidates_name=order.candidates_name,
        generator=order.generator,
        reuse_adaptation=order.reuse_adaptation,
    )


def from_adapt(request: pb.AdaptRequest) -> AdaptOrder:
    """Order from the wire; raises ``BadInput``."""
    return AdaptOrder(
        device=text("device", request.device, 64),
        space=request.space,
        predictor=request.predictor,
        samples=request.samples or DEFAULT_SAMPLES,
        max_latency_ms=tuple(request.max_latency_ms),
        top=request.top or 1,
        verify=request.verify,
        winner_measurements=request.winner_measurements,
        seed=number("seed", request.seed),
        fresh=request.fresh,
        more_devices=tuple(text("device", name, 64) for name in request.more_devices),
        percentile=request.percentile or MEDIAN,
        limits=_from_limits(request.limits),
        min_accuracy_percent=tuple(request.min_accuracy_percent),
        whole_front=request.whole_front,
        objective=from_objective(request.objective),
        accuracy_source=text("accuracy source", request.accuracy_source),
        candidates=tuple(request.candidates),
        candidates_name=text("name of the candidates", request.candidates_name),
        generator=text("generator", request.generator, 64),
        reuse_adaptation=request.reuse_adaptation,
    )


def to_objective(objective: Objective) -> pb.Objective.ValueType:
    """Objective to the wire."""
    if objective is Objective.DEFAULT:
        return pb.OBJECTIVE_UNSPECIFIED
    return pb.Objective.ValueType(enum_number("OBJECTIVE", pb.Objective, objective))


def from_objective(value: pb.Objective.ValueType) -> Objective:
    """Objective from the wire; raises ``BadInput``."""
    if not value:
        return Objective.DEFAULT
    return enum_value("OBJECTIVE", pb.Objective, Objective, value)


def _from_limits(message: pb.Limits) -> Limits:
    def given(name: str, value: T) -> T | None:
        return value if message.HasField(name) else None  # type: ignore[arg-type]

    return Limits(
        max_parameters=given("max_parameters", message.max_parameters),
        max_multiply_adds=given("max_multiply_adds", message.max_multiply_adds),
        max_memory_mib=given("max_memory_mib", message.max_memory_mib),
        max_energy_mj=given("max_energy_mj", message.max_energy_mj),
    )
