"""What an adaptation answers with."""

from __future__ import annotations

from dataclasses import dataclass

from help_core.records.measurement import Verdict


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long request has come."""

    phase: str
    done: int
    total: int
    message: str


@dataclass(frozen=True, slots=True)
class Pick:
    """An architecture offered for a limit; ``measured_ms`` is ``None`` without verification."""

    limit_ms: float
    architecture: str
    predicted_ms: float
    low_ms: float
    high_ms: float
    measured_ms: float | None
    accuracy_percent: float | None
    parameters: int
    multiply_adds: int


@dataclass(frozen=True, slots=True)
class LimitOutcome:
    """Whether a limit is met, and one line on why the search for it ended."""

    limit_ms: float
    met: bool
    message: str


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """A measured architecture beside its prediction at the time."""

    architecture: str
    latency_ms: float
    predicted_ms: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class CloudPoint:
    """Predicted latency and accuracy of one architecture of the space."""

    latency_ms: float
    accuracy_percent: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The architectures for each limit, and what they rest on."""

    device: str
    space: str
    predictor: str
    accuracy_source: str
    picks: tuple[Pick, ...]
    limits: tuple[LimitOutcome, ...]
    support: tuple[MeasuredPoint, ...]
    confirmations: tuple[MeasuredPoint, ...]
    cloud: tuple[CloudPoint, ...]
    notes: tuple[str, ...]
    elapsed_s: float
