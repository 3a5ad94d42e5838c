"""A user's calls about models of their own; part of ``Client``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import grpc

from help_core.records import StoredModel
from help_core.spaces.own.transfer import chunks
from help_proto.channel import UNARY_DEADLINE_S
from help_proto.convert_model import CHUNK_BYTES, from_model, to_chunk, to_model
from help_proto.v1 import model_service_pb2 as pb
from help_proto.v1 import model_service_pb2_grpc as rpc


class ModelCalls:
    """The calls of ``ModelService`` for users."""

    def __init__(
        self, channel: grpc.Channel, errors: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._stub = rpc.ModelServiceStub(channel)
        self._errors = errors

    def add(
        self,
        model: StoredModel,
        data: bytes,
        *,
        replace: bool = False,
        chunk_bytes: int = CHUNK_BYTES,
        on_chunk: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> bool:
        """Uploads a model, or what of it is missing; whether any byte had to travel.

        ``on_chunk`` is told how many of how many chunks are sent.
        """
        offer = pb.ModelOffer(model=to_model(model), chunk_bytes=chunk_bytes, replace=replace)
        with self._errors():
            answer = self._stub.OfferModel(
                pb.OfferModelRequest(offer=offer), timeout=UNARY_DEADLINE_S
            )
            if answer.stored:
                return False
            # No deadline: it takes as long as the line does, which keepalive watches.
            self._stub.UploadModel(
                _upload(offer, data, chunk_bytes, answer.first_missing, on_chunk)
            )
        return True

    def list(self) -> list[StoredModel]:
        """All models by name."""
        with self._errors():
            response = self._stub.ListModels(pb.ListModelsRequest(), timeout=UNARY_DEADLINE_S)
        return [from_model(model) for model in response.models]

    def remove(self, name: str) -> None:
        """Forgets a model; raises ``NotFound``."""
        with self._errors():
            self._stub.RemoveModel(pb.RemoveModelRequest(name=name), timeout=UNARY_DEADLINE_S)


def describe_model(
    name: str, data: bytes, parameters: int, multiply_adds: int | None
) -> StoredModel:
    """The record of a model with these bytes; raises ``BadInput`` for a bad name."""
    sha256 = hashlib.sha256(data).hexdigest()
    return StoredModel(name, sha256, len(data), parameters, multiply_adds)


def _upload(
    offer: pb.ModelOffer,
    data: bytes,
    chunk_bytes: int,
    first: int,
    on_chunk: Callable[[int, int], None],
) -> Iterator[pb.UploadModelRequest]:
    yield pb.UploadModelRequest(offer=offer)
    total = -(-len(data) // chunk_bytes)
    for chunk in chunks(data, chunk_bytes, first):
        yield pb.UploadModelRequest(chunk=to_chunk(chunk))
        on_chunk(chunk.index + 1, total)
