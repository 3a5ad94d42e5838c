"""What a predictor knows of a device, to messages and back."""

from __future__ import annotations

import math

from help_core.records import Calibration, CoveragePoint, Embedding, Neighbour, PredictedPoint
from help_proto.v1 import fleet_service_pb2 as pb


def to_embedding(embedding: Embedding) -> pb.Embedding:
    """Embedding to the wire."""
    return pb.Embedding(
        device=embedding.device,
        space=embedding.space,
        architectures=embedding.architectures,
        latency_ms=embedding.latency_ms,
        relative=embedding.relative,
        nearest=[_to_neighbour(one) for one in embedding.nearest],
    )


def from_embedding(message: pb.Embedding) -> Embedding:
    """Embedding from the wire; raises ``BadInput``."""
    return Embedding(
        device=message.device,
        space=message.space,
        architectures=tuple(message.architectures),
        latency_ms=tuple(message.latency_ms),
        relative=tuple(message.relative),
        nearest=tuple(_from_neighbour(one) for one in message.nearest),
    )


def _to_neighbour(one: Neighbour) -> pb.Neighbour:
    return pb.Neighbour(
        device=one.device,
        origin=one.origin,
        distance_percent=one.distance_percent,
        relative=[math.nan if value is None else value for value in one.relative],
    )


def _from_neighbour(message: pb.Neighbour) -> Neighbour:
    relative = (None if math.isnan(value) else value for value in message.relative)
    return Neighbour(message.device, message.origin, message.distance_percent, tuple(relative))


def to_calibration(calibration: Calibration) -> pb.Calibration:
    """Calibration to the wire."""
    return pb.Calibration(
        device=calibration.device,
        space=calibration.space,
        predictor=calibration.predictor,
        support=calibration.support,
        points=[_to_point(point) for point in calibration.points],
        coverage=[
            pb.CoveragePoint(level=point.level, held=point.held) for point in calibration.coverage
        ],
        spearman=calibration.spearman,
        error_percent=calibration.error_percent,
    )


def from_calibration(message: pb.Calibration) -> Calibration:
    """Calibration from the wire; raises ``BadInput``."""
    return Calibration(
        device=message.device,
        space=message.space,
        predictor=message.predictor,
        support=message.support,
        points=tuple(_from_point(point) for point in message.points),
        coverage=tuple(CoveragePoint(point.level, point.held) for point in message.coverage),
        spearman=message.spearman if message.HasField("spearman") else None,
        error_percent=message.error_percent if message.HasField("error_percent") else None,
    )


def _to_point(point: PredictedPoint) -> pb.PredictedPoint:
    return pb.PredictedPoint(
        architecture=point.architecture,
        measured_ms=point.measured_ms,
        predicted_ms=point.predicted_ms,
        low_ms=point.low_ms,
        high_ms=point.high_ms,
    )


def _from_point(message: pb.PredictedPoint) -> PredictedPoint:
    return PredictedPoint(
        message.architecture,
        message.measured_ms,
        message.predicted_ms,
        message.low_ms,
        message.high_ms,
    )
