"""What users ask for, and the rows of latency tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from help_core.errors import BadInput

DEFAULT_SAMPLES = 10
MIN_SUPPORT = 3
MAX_SAMPLES = 1000


@dataclass(frozen=True, slots=True)
class AdaptOrder:
    """What a user asks for; see ``help-coord adapt --help``."""

    device: str
    space: str
    predictor: str = ""
    samples: int = DEFAULT_SAMPLES
    max_latency_ms: tuple[float, ...] = ()
    top: int = 1
    verify: bool = True
    winner_measurements: int = 0
    seed: int = 0
    fresh: bool = False

    def __post_init__(self) -> None:
        if not MIN_SUPPORT <= self.samples <= MAX_SAMPLES:
            raise BadInput(f"samples {self.samples} is not between {MIN_SUPPORT} and {MAX_SAMPLES}")
        if not 1 <= self.top <= 100:
            raise BadInput(f"top {self.top} is not between 1 and 100")
        for limit in self.max_latency_ms:
            if not (math.isfinite(limit) and limit > 0):
                raise BadInput(f"latency limit {limit} ms is not above zero and finite")

    def budget(self, limits: int) -> int:
        """Most measurements to confirm winners with."""
        return self.winner_measurements or 6 + (3 + self.top) * limits


class TableOrigin(StrEnum):
    """Where the latencies of an exported table come from."""

    IMPORTED = "imported"
    MEASURED = "measured"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One latency of a table."""

    architecture: str
    device: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """One accuracy of a user's table, in percent."""

    architecture: str
    accuracy_percent: float
