"""Requests of users as the orders that use cases take."""

from __future__ import annotations

from coordinator.usecases.collect import Wanted, make_name
from help_core.records import AdaptOrder, CollectionOrder, check_labels
from help_core.records.orders import DEFAULT_SAMPLES
from help_proto.convert import number, text
from help_proto.v1 import fleet_service_pb2 as pb


def from_adapt(request: pb.AdaptRequest) -> AdaptOrder:
    """What to adapt; raises ``BadInput``."""
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
    )


def from_collect(request: pb.CollectRequest) -> Wanted:
    """What to collect; raises ``BadInput``."""
    return Wanted(
        order=CollectionOrder(
            name=request.collection or make_name(),
            priority=request.priority,
            deadline_in_s=request.deadline_in_s if request.HasField("deadline_in_s") else None,
        ),
        devices=[text("device", name, 64) for name in request.devices],
        labels=check_labels(request.labels),
        architectures=list(request.architectures),
        resume=request.resume,
    )
