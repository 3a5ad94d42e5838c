"""Users' models on the agent: fetched by hash, kept in a folder of bounded size, checked, built.

An agent trusts nobody with a model: not the coordinator that kept it, nor its own disk. Bytes
are held to the hash each time they are read, and the checks of ``help_core.spaces.own`` run in
a bounded process before a runtime sees them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from agent.backoff import Backoff
from help_core.errors import BadInput, StoreError, TimedOut, Unreachable
from help_core.spaces import Architecture, BuildOptions, Stage
from help_core.spaces.own import Limits
from help_core.spaces.own.inspect import inspect_in_child, load_model, read_model_file
from help_core.spaces.own.stored import NAME, StoredModels, digest_of
from help_core.spaces.own.transfer import Chunk, Manifest, Reassembler

log = logging.getLogger(__name__)

CACHE_BYTES = 4_000_000_000
TRIES = 3
_FILE = "model.onnx"


class ModelCache:
    """Model files by hash; the least recently used go when there are too many bytes.

    Each file has a folder of its own, so that what a model calls its external data can be
    no other model.
    """

    def __init__(self, folder: Path, limit_bytes: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def find(self, digest: str) -> Path | None:
        """The file whose hash begins so, or ``None``; one that was damaged is dropped."""
        for folder in self._folder.glob(f"{digest}*"):
            path = folder / _FILE
            if path.is_file() and _sha256(path) == folder.name:
                os.utime(path)
                return path
            shutil.rmtree(folder, ignore_errors=True)
        return None

    def put(self, sha256: str, data: bytes) -> None:
        """Keeps verified bytes; raises ``BadInput`` if they can never fit."""
        if len(data) > self._limit_bytes:
            raise BadInput(
                f"the model has {len(data)} bytes; this agent keeps at most {self._limit_bytes}"
            )
        self._make_room(len(data))
        folder = self._folder / sha256
        part = folder / f"{_FILE}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            part.replace(folder / _FILE)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise StoreError(
                f"model {sha256[:16]} cannot be kept in {self._folder} ({error.strerror});"
                " free the disk, or name another folder with --state-dir"
            ) from None

    def _make_room(self, size: int) -> None:
        files = sorted(self._folder.glob(f"*/{_FILE}"), key=lambda path: path.stat().st_mtime_ns)
        held = sum(path.stat().st_size for path in files)
        for path in files:
            if held + size <= self._limit_bytes:
                return
            held -= path.stat().st_size
            shutil.rmtree(path.parent, ignore_errors=True)


class ModelSource(Protocol):
    """Where models come from: the agent's link, or a fake."""

    def fetch_model(self, digest: str, first_chunk: int) -> Iterator[Manifest | Chunk]:
        """A manifest, then chunks from ``first_chunk`` on; raises errors of ours."""


class ModelFetcher:
    """Brings models into the cache before they are measured."""

    def __init__(
        self, source: ModelSource, cache: ModelCache, stop: threading.Event, backoff: Backoff
    ) -> None:
        self._source = source
        self._cache = cache
        self._stop = stop
        self._backoff = backoff

    def fetch(self, architecture: Architecture) -> None:
        """Makes sure that a user's model is in the cache; other architectures need nothing.

        A broken stream goes on with what is missing. Raises ``NotFound`` if the coordinator
        keeps no such model, ``BadInput`` if the bytes are not those of the hash, and
        ``Unreachable``.
        """
        if architecture.space != NAME or self._cache.find(digest_of(architecture)) is not None:
            return
        log.info("fetching %s", architecture)
        data = self._transfer(digest_of(architecture))
        self._cache.put(hashlib.sha256(data).hexdigest(), data)

    def _transfer(self, digest: str) -> bytes:
        received: Reassembler | None = None
        for left in reversed(range(TRIES)):
            first = 0 if received is None else next(received.missing(), 0)
            try:
                for part in self._source.fetch_model(digest, first):
                    if isinstance(part, Chunk) and received is not None:
                        received.add(part)
                    elif isinstance(part, Manifest):
                        received = _reassembler(part, digest, received)
                break
            except (Unreachable, TimedOut) as error:
                if left == 0 or self._stop.is_set():
                    raise
                log.warning("fetching a model was interrupted: %s", error)
                self._stop.wait(self._backoff.next_s())
        if received is None:
            raise BadInput(f"the coordinator sent nothing of model {digest}")
        return received.finish()


def _reassembler(manifest: Manifest, digest: str, before: Reassembler | None) -> Reassembler:
    if not manifest.sha256.startswith(digest):
        raise BadInput(f"model {digest} was asked for, {manifest.sha256[:16]} was sent")
    if before is not None and before.manifest == manifest:
        return before
    return Reassembler(manifest, Limits().model_bytes)


class CachedModels(StoredModels):
    """The space ``own`` where the bytes are: builds what a ``ModelFetcher`` has brought."""

    def __init__(self, cache: ModelCache, limits: Limits | None = None) -> None:
        self._cache = cache
        self._limits = limits or Limits()

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """One stage, the model at the batch size; raises ``BadInput``."""
        if options.precision != "fp32":
            raise BadInput(
                f"{architecture} is measured as it is; convert it to {options.precision}, add"
                " that file and measure it on a device of precision fp32"
            )
        path = self._cache.find(digest_of(architecture))
        if path is None:
            raise BadInput(f"{architecture} is not on this agent")
        try:
            facts = inspect_in_child(path, {}, options.batch_size, self._limits)
            data = read_model_file(path, self._limits)
            if not facts.sha256 == hashlib.sha256(data).hexdigest() == path.parent.name:
                raise BadInput("changed on disk while it was checked")
            model = load_model(data, path.parent, {}, options.batch_size, self._limits)
        except BadInput as error:
            raise BadInput(f"{architecture}: {error}") from None
        return (Stage("network", model),)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
