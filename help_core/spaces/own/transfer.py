"""Models in chunks with a hash: for a wire whose messages are smaller than a model.

The sender describes the bytes and cuts them; the receiver takes chunks in any order, a chunk
any number of times, and hands the bytes out only if they are the ones described.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from help_core.errors import BadInput

MAX_BYTES = (2 << 30) - 1
MAX_CHUNK_BYTES = 16 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the bytes are as a whole."""

    sha256: str
    """Lower-case hexadecimal."""
    size_bytes: int
    chunk_bytes: int
    """Of each chunk but the last, which holds the rest."""

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.sha256):
            raise BadInput(f"{self.sha256[:70]!r} is not a SHA-256 in lower-case hexadecimal")
        if not 1 <= self.size_bytes <= MAX_BYTES:
            raise BadInput(f"size {self.size_bytes} is not between 1 and {MAX_BYTES} bytes")
        if not 1 <= self.chunk_bytes <= MAX_CHUNK_BYTES:
            raise BadInput(f"chunk size {self.chunk_bytes} is not between 1 and {MAX_CHUNK_BYTES}")

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return -(-self.size_bytes // self.chunk_bytes)

    def length(self, index: int) -> int:
        """How many bytes chunk ``index`` has; raises ``BadInput`` for one that is not."""
        if not 0 <= index < self.count:
            raise BadInput(f"chunk {index} does not exist; there are {self.count}")
        return min(self.chunk_bytes, self.size_bytes - index * self.chunk_bytes)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece, counted from 0."""

    index: int
    data: bytes


def describe(data: bytes, size: int) -> Manifest:
    """The manifest of ``data`` cut into chunks of ``size`` bytes."""
    return Manifest(hashlib.sha256(data).hexdigest(), len(data), size)


def chunks(data: bytes, size: int, first: int = 0) -> Iterator[Chunk]:
    """The pieces of ``data`` from chunk ``first`` on, each but the last of ``size`` bytes."""
    if not 1 <= size <= MAX_CHUNK_BYTES or first < 0:
        raise BadInput(f"chunk size {size} is not between 1 and {MAX_CHUNK_BYTES}")
    view = memoryview(data)
    for index in range(first, -(-len(data) // size)):
        yield Chunk(index, bytes(view[index * size : (index + 1) * size]))


class Reassembler:
    """Collects the chunks of one manifest; holds no more than has arrived."""

    def __init__(self, manifest: Manifest, limit_bytes: int = MAX_BYTES) -> None:
        if manifest.size_bytes > limit_bytes:
            raise BadInput(
                f"{manifest.size_bytes} bytes are announced; at most {limit_bytes} are accepted"
            )
        self.manifest = manifest
        self._parts: dict[int, bytes] = {}

    def add(self, chunk: Chunk) -> None:
        """Takes a chunk; one that arrives again must be the same. Raises ``BadInput``."""
        expected = self.manifest.length(chunk.index)
        if len(chunk.data) != expected:
            raise BadInput(
                f"chunk {chunk.index} has {len(chunk.data)} bytes; {expected} were announced"
            )
        if self._parts.setdefault(chunk.index, chunk.data) != chunk.data:
            raise BadInput(f"chunk {chunk.index} arrived twice with different bytes")

    def missing(self) -> Iterator[int]:
        """The chunks that have not arrived, in order, to ask for after a broken stream."""
        return (index for index in range(self.manifest.count) if index not in self._parts)

    def finish(self) -> bytes:
        """The whole, verified; raises ``BadInput`` if it is incomplete or not what was sent.

        Bytes with another hash are forgotten, so that the transfer can start anew.
        """
        first = next(self.missing(), None)
        if first is not None:
            raise BadInput(
                f"{self.manifest.count - len(self._parts)} of {self.manifest.count} chunks are "
                f"missing, the first is {first}"
            )
        data = b"".join(self._parts[index] for index in range(self.manifest.count))
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.manifest.sha256:
            self._parts.clear()
            raise BadInput(
                f"the bytes have SHA-256 {digest[:16]}…, {self.manifest.sha256[:16]}… was "
                "announced; send them again"
            )
        return data
