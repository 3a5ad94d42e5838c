"""Users' models to messages and back; see ``convert``."""

from __future__ import annotations

from help_core.records import StoredModel
from help_core.spaces.own.transfer import Chunk, Manifest
from help_proto.convert import text
from help_proto.v1 import model_service_pb2 as pb

CHUNK_BYTES = 1 << 20
"""Well below the limit of a message, and small enough for a row of a database."""


def to_model(model: StoredModel) -> pb.StoredModel:
    """Model to the wire."""
    return pb.StoredModel(
        name=model.name,
        sha256=model.sha256,
        size_bytes=model.size_bytes,
        parameters=model.parameters,
        multiply_adds=model.multiply_adds,
    )


def from_model(message: pb.StoredModel) -> StoredModel:
    """Model from the wire."""
    return StoredModel(
        name=text("model name", message.name, 64),
        sha256=message.sha256,
        size_bytes=message.size_bytes,
        parameters=message.parameters,
        multiply_adds=message.multiply_adds if message.HasField("multiply_adds") else None,
    )


def to_manifest(manifest: Manifest) -> pb.ModelManifest:
    """Manifest to the wire."""
    return pb.ModelManifest(
        sha256=manifest.sha256,
        size_bytes=manifest.size_bytes,
        chunk_bytes=manifest.chunk_bytes,
    )


def from_manifest(message: pb.ModelManifest) -> Manifest:
    """Manifest from the wire."""
    return Manifest(message.sha256, message.size_bytes, message.chunk_bytes)


def to_chunk(chunk: Chunk) -> pb.ModelChunk:
    """Chunk to the wire."""
    return pb.ModelChunk(index=chunk.index, data=chunk.data)


def from_chunk(message: pb.ModelChunk) -> Chunk:
    """Chunk from the wire."""
    return Chunk(message.index, message.data)
