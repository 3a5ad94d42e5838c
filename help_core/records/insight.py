"""What a predictor knows of a device, as figures: its embedding and its calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

from help_core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A device's latencies of the shared architectures, relative to their geometric mean."""

    device: str
    origin: str
    """``fleet``, or ``training``: the predictor learned from it."""
    distance_percent: float
    """Root mean square difference of the relative latencies; 0 is the same hardware."""
    relative: tuple[float | None, ...]
    """``None`` where the device has no latency of an architecture."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """A device's hardware embedding beside its nearest known devices, the nearest first."""

    device: str
    space: str
    architectures: tuple[str, ...]
    latency_ms: tuple[float, ...]
    relative: tuple[float, ...]
    nearest: tuple[Neighbour, ...]

    def __post_init__(self) -> None:
        rows = [self.latency_ms, self.relative, *(one.relative for one in self.nearest)]
        if any(len(row) != len(self.architectures) for row in rows):
            raise BadInput("an embedding has one figure for each architecture and device")


@dataclass(frozen=True, slots=True)
class PredictedPoint:
    """An architecture that was measured but not shown to the predictor."""

    architecture: str
    measured_ms: float
    predicted_ms: float
    low_ms: float
    high_ms: float

    def __post_init__(self) -> None:
        for name in ("measured_ms", "predicted_ms", "low_ms", "high_ms"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise BadInput(f"{name} {value} of {self.architecture} is no latency")


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """How often intervals of a level held."""

    level: float
    held: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the support set alone predicts of everything else that was measured."""

    device: str
    space: str
    predictor: str
    support: int
    points: tuple[PredictedPoint, ...]
    coverage: tuple[CoveragePoint, ...]
    spearman: float | None
    """Rank correlation; null with fewer than three points."""
    error_percent: float | None
    """Mean absolute error relative to the measured latency."""
