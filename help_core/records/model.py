"""Models of users that a coordinator keeps for its agents."""

from __future__ import annotations

import re
from dataclasses import dataclass

from help_core.errors import BadInput
from help_core.records.device import check_name

DIGEST_CHARS = 16
"""Hexadecimal digits of a model's SHA-256 that its architecture string carries."""

MAX_COUNT = 1 << 62
"""Counts stay below it, so that every database can hold them."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A user's model under a name; the bytes are known by their hash."""

    name: str
    sha256: str
    size_bytes: int
    parameters: int
    multiply_adds: int | None = None
    """Of one run at batch 1; ``None`` where they could not be counted."""

    def __post_init__(self) -> None:
        check_name("model", self.name)
        if "@" in self.name:
            raise BadInput(f"model name {self.name!r} must not contain '@'")
        if not _SHA256.fullmatch(self.sha256):
            raise BadInput(f"{self.sha256[:70]!r} is not a SHA-256 in lower-case hexadecimal")
        costs = (self.size_bytes, self.parameters, self.multiply_adds or 0)
        if self.size_bytes < 1 or min(costs) < 0 or max(costs) >= MAX_COUNT:
            raise BadInput(f"model {self.name!r}: a size or cost is below zero or out of range")

    @property
    def digest(self) -> str:
        """The beginning of the hash, by which agents ask for the model."""
        return self.sha256[:DIGEST_CHARS]

    @property
    def architecture(self) -> str:
        """The canonical string, which always means these very bytes."""
        return f"own:{self.name}@{self.digest}"
