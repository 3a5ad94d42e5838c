"""A fixed model, measured between jobs: how fast the board is right now (rule 22)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

from help_core.graphs.builder import GraphBuilder
from help_core.spaces import Stage

CHANNELS, SIZE, LAYERS = 32, 32, 5

REMEMBERED = 9
"""Values that make the baseline: a lasting change of the board becomes the new baseline."""


class Sentinel:
    """Baseline and drift of the sentinel's latency. Pure."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._values_ms: deque[float] = deque(maxlen=remembered)

    @property
    def baseline_ms(self) -> float | None:
        """The median of the last values."""
        return median(self._values_ms) if self._values_ms else None

    def record(self, latency_ms: float) -> None:
        """Takes a value that nothing disturbed into the baseline."""
        self._values_ms.append(latency_ms)

    def drift(self, latencies_ms: Sequence[float]) -> float:
        """The largest relative distance of the values from the baseline and from each other."""
        baseline = self.baseline_ms
        known = [*latencies_ms, *([] if baseline is None else [baseline])]
        return max(known) / min(known) - 1 if known else 0.0


def sentinel_stages() -> tuple[Stage, ...]:
    """A network of five 3x3 convolutions: a millisecond on a server, ten on a small board."""
    builder = GraphBuilder("sentinel", "fp32", seed=0)
    value = builder.input("image", (1, CHANNELS, SIZE, SIZE))
    for _ in range(LAYERS):
        value = builder.relu(builder.conv(value, CHANNELS, CHANNELS, 3))
    value = builder.node("GlobalAveragePool", [value])
    return (Stage("sentinel", builder.finish([(value, (1, CHANNELS, 1, 1))])),)
