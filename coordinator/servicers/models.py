"""``ModelService``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from coordinator.servicers.errors import errors_to_status
from coordinator.usecases.models import Models
from help_core.errors import BadInput
from help_core.spaces.own.transfer import Chunk, Manifest
from help_proto.convert_model import from_chunk, from_model, to_chunk, to_manifest, to_model
from help_proto.v1 import model_service_pb2 as pb
from help_proto.v1 import model_service_pb2_grpc as rpc

Context = grpc.aio.ServicerContext[Any, Any]


class ModelServicer(rpc.ModelServiceServicer):
    """See ``model_service.proto``."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def OfferModel(
        self, request: pb.OfferModelRequest, context: Context
    ) -> pb.OfferModelResponse:
        """See the proto."""
        async with errors_to_status(context):
            offer = request.offer
            first = await self._models.offer(
                from_model(offer.model), offer.chunk_bytes, replace=offer.replace
            )
        return pb.OfferModelResponse(stored=first is None, first_missing=first or 0)

    async def UploadModel(
        self, request_iterator: AsyncIterator[pb.UploadModelRequest], context: Context
    ) -> pb.UploadModelResponse:
        """See the proto."""
        async with errors_to_status(context):
            offer = await _first_offer(request_iterator)
            model = await self._models.receive(
                from_model(offer.model),
                offer.chunk_bytes,
                _chunks(request_iterator),
                replace=offer.replace,
            )
        return pb.UploadModelResponse(model=to_model(model))

    async def ListModels(
        self, request: pb.ListModelsRequest, context: Context
    ) -> pb.ListModelsResponse:
        """See the proto."""
        async with errors_to_status(context):
            models = await self._models.all()
        return pb.ListModelsResponse(models=[to_model(model) for model in models])

    async def RemoveModel(
        self, request: pb.RemoveModelRequest, context: Context
    ) -> pb.RemoveModelResponse:
        """See the proto."""
        async with errors_to_status(context):
            await self._models.remove(request.name)
        return pb.RemoveModelResponse()

    async def FetchModel(
        self, request: pb.FetchModelRequest, context: Context
    ) -> AsyncIterator[pb.FetchModelResponse]:
        """See the proto."""
        async with errors_to_status(context):
            parts = self._models.fetch(request.digest, request.first_chunk)
            async with aclosing(parts):
                async for part in parts:
                    yield _fetched(part)


def _fetched(part: Manifest | Chunk) -> pb.FetchModelResponse:
    if isinstance(part, Manifest):
        return pb.FetchModelResponse(manifest=to_manifest(part))
    return pb.FetchModelResponse(chunk=to_chunk(part))


async def _first_offer(requests: AsyncIterator[pb.UploadModelRequest]) -> pb.ModelOffer:
    async for request in requests:
        if request.WhichOneof("part") == "offer":
            return request.offer
        break
    raise BadInput("an upload begins with an offer")


async def _chunks(requests: AsyncIterator[pb.UploadModelRequest]) -> AsyncIterator[Chunk]:
    async for request in requests:
        if request.WhichOneof("part") != "chunk":
            raise BadInput("after its offer an upload holds chunks alone")
        yield from_chunk(request.chunk)
