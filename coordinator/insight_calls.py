"""A user's calls about what is known of a device: part of ``Client``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from help_core.records import Answer, Calibration, Embedding
from help_proto.channel import UNARY_DEADLINE_S
from help_proto.convert_answer import from_answer
from help_proto.convert_insight import from_calibration, from_embedding
from help_proto.v1 import fleet_service_pb2 as pb
from help_proto.v1 import fleet_service_pb2_grpc as rpc

COMPUTE_DEADLINE_S = 120.0
"""For what the coordinator computes when it is asked the first time."""


class InsightCalls:
    """Each raises ``NotFound`` for a device that was never adapted in the space."""

    def __init__(
        self,
        stub: rpc.FleetServiceStub,
        errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._stub = stub
        self._errors = errors

    def answer(self, device: str, space: str) -> Answer:
        """The newest answer that is kept."""
        request = pb.GetAnswerRequest(device=device, space=space)
        with self._errors():
            response = self._stub.GetAnswer(request, timeout=UNARY_DEADLINE_S)
        return from_answer(response.answer)

    def embedding(self, device: str, space: str) -> Embedding:
        """The device's relative latencies beside those of its nearest known devices."""
        request = pb.GetEmbeddingRequest(device=device, space=space)
        with self._errors():
            response = self._stub.GetEmbedding(request, timeout=COMPUTE_DEADLINE_S)
        return from_embedding(response.embedding)

    def calibration(self, device: str, space: str) -> Calibration:
        """What the support set alone predicts of everything else that was measured."""
        request = pb.GetCalibrationRequest(device=device, space=space)
        with self._errors():
            response = self._stub.GetCalibration(request, timeout=COMPUTE_DEADLINE_S)
        return from_calibration(response.calibration)
