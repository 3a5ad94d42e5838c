"""Requests of users as the orders that use cases take."""

from __future__ import annotations

from coordinator.usecases.collect import Wanted, make_name
from help_core.records import CollectionOrder, check_labels
from help_proto.convert import text
from help_proto.v1 import fleet_service_pb2 as pb


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
