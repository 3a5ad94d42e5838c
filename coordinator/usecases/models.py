"""Keeps users' models for the agents that measure them; never parses one."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator

from coordinator.clock import Clock
from coordinator.store import Store
from help_core.errors import BadInput
from help_core.records import StoredModel
from help_core.records.model import DIGEST_CHARS
from help_core.spaces.own.transfer import Chunk, Manifest

log = logging.getLogger(__name__)

DEFAULT_QUOTA_BYTES = 8_000_000_000
MAX_MODEL_BYTES = 1 << 30
MAX_CHUNK_BYTES = 2 << 20
MAX_CHUNKS = 4096
"""More would be rows of a few bytes each."""


class Models:
    """The use cases ``models add``, ``models list`` and ``models remove``, and agents' fetches."""

    def __init__(self, store: Store, clock: Clock, quota_bytes: int = DEFAULT_QUOTA_BYTES) -> None:
        self._store = store
        self._clock = clock
        self._quota_bytes = quota_bytes

    async def offer(self, model: StoredModel, chunk_bytes: int, *, replace: bool) -> int | None:
        """The first chunk that is missing, or ``None`` if the model is stored by this alone.

        Raises ``BadInput`` for a model that is too large and ``Conflict`` for a name that is
        taken or a store that is full.
        """
        manifest = _manifest(model, chunk_bytes)
        return await asyncio.to_thread(self._offer, model, manifest, replace)

    def _offer(self, model: StoredModel, manifest: Manifest, replace: bool) -> int | None:
        self._store.check_name_free(model, replace=replace)
        first = self._store.offer_content(manifest, self._quota_bytes, self._clock.now_s())
        if first < manifest.count or not self._is_complete(model):
            return first
        self._store.name_model(model, replace=replace)
        log.info("model %s is stored", model.architecture)
        return None

    def _is_complete(self, model: StoredModel) -> bool:
        return any(held.sha256 == model.sha256 for held in self._store.models())

    async def receive(
        self,
        model: StoredModel,
        chunk_bytes: int,
        chunks: AsyncIterator[Chunk],
        *,
        replace: bool,
    ) -> StoredModel:
        """Takes the chunks of an offered model, verifies the whole and gives it its name.

        Chunks that came before an error are kept, unless the whole has another hash than
        announced: then all are forgotten and ``BadInput`` asks to send them again.
        """
        manifest = _manifest(model, chunk_bytes)
        if await asyncio.to_thread(self._offer, model, manifest, replace) is None:
            return model
        async for chunk in chunks:
            await asyncio.to_thread(self._store.put_chunk, model.sha256, chunk, self._clock.now_s())
        await asyncio.to_thread(self._finish, model, manifest, replace)
        return model

    def _finish(self, model: StoredModel, manifest: Manifest, replace: bool) -> None:
        missing = self._offer(model, manifest, replace)
        if missing is None:
            return
        if missing < manifest.count:
            raise BadInput(
                f"the upload ended before chunk {missing} of {manifest.count};"
                " send the model again, it goes on from there"
            )
        digest = hashlib.sha256()
        for index in range(manifest.count):
            digest.update(self._store.chunk(model.sha256, index))
        if digest.hexdigest() != model.sha256:
            self._store.forget_upload(model.sha256)
            raise BadInput(
                f"model {model.name!r} arrived with SHA-256 {digest.hexdigest()[:16]}…,"
                f" {model.sha256[:16]}… was announced; send it again"
            )
        self._store.complete_content(model.sha256)
        self._store.name_model(model, replace=replace)
        log.info("model %s is stored, %d bytes", model.architecture, model.size_bytes)

    async def all(self) -> list[StoredModel]:
        """All models by name."""
        return await asyncio.to_thread(self._store.models)

    async def remove(self, name: str) -> None:
        """Forgets a model. Jobs that wait for its content fail with a line that says so."""
        await asyncio.to_thread(self._store.remove_model, name)
        log.info("model %s is removed", name)

    async def fetch(self, digest: str, first: int) -> AsyncGenerator[Manifest | Chunk]:
        """The manifest of content, then its chunks from ``first`` on; raises ``NotFound``."""
        if len(digest) != DIGEST_CHARS or not set(digest) <= set("0123456789abcdef"):
            raise BadInput(f"{digest[:40]!r} is not {DIGEST_CHARS} hexadecimal digits")
        manifest = await asyncio.to_thread(self._store.content, digest)
        yield manifest
        for index in range(first, manifest.count):
            data = await asyncio.to_thread(self._store.chunk, manifest.sha256, index)
            yield Chunk(index, data)


def _manifest(model: StoredModel, chunk_bytes: int) -> Manifest:
    if model.size_bytes > MAX_MODEL_BYTES:
        raise BadInput(
            f"model {model.name!r} has {model.size_bytes / 1e6:.4g} MB;"
            f" a coordinator keeps models of at most {MAX_MODEL_BYTES / 1e6:.4g} MB"
        )
    manifest = Manifest(model.sha256, model.size_bytes, chunk_bytes)
    if chunk_bytes > MAX_CHUNK_BYTES or manifest.count > MAX_CHUNKS:
        raise BadInput(
            f"{manifest.count} chunks of {chunk_bytes} bytes; at most {MAX_CHUNKS} chunks of"
            f" {MAX_CHUNK_BYTES} bytes are taken"
        )
    return manifest
