"""What a user's model may be: sizes, operator domains, versions, and the time to look at it."""

from __future__ import annotations

from dataclasses import dataclass

from help_core.errors import BadInput

STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Operators that every build of onnxruntime has. ``com.microsoft`` differs from build to build
and is accepted only where ``Limits.domains`` names it; so are the operators of a user's own
library, which the runtime of the device must then have."""

OLDEST_OPSET = 7
"""The oldest that onnxruntime still runs."""
OLDEST_IR_VERSION = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that a model is held to before anything is built from it."""

    model_bytes: int = 1 << 30
    """The file with its external data. Protocol buffers end at 2 GiB."""
    nodes: int = 100_000
    domains: frozenset[str] = STANDARD_DOMAINS
    seconds: int = 60
    """Processor time, and with some grace real time, to check one model."""
    memory_bytes: int = 8 << 30
    """Address space of the process that checks one model."""

    def __post_init__(self) -> None:
        if not 1 <= self.model_bytes < 2 << 30:
            raise BadInput(f"model limit {self.model_bytes} must lie between 1 and 2 GiB")
        if min(self.nodes, self.seconds, self.memory_bytes) < 1:
            raise BadInput("the limits on nodes, seconds and memory must be at least 1")
