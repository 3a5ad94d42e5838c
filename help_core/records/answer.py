"""What an adaptation answers with."""

from __future__ import annotations

from dataclasses import dataclass

from help_core.records.measurement import Verdict
from help_core.records.orders import MEDIAN, Objective


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long request has come."""

    phase: str
    done: int
    total: int
    message: str


@dataclass(frozen=True, slots=True)
class PickOnDevice:
    """One of the architectures offered, on one device; what is ``None`` was not measured."""

    device: str
    predicted_ms: float
    low_ms: float
    high_ms: float
    measured_ms: float | None = None
    """At the percentile that the order names."""
    median_ms: float | None = None
    memory_mib: float | None = None
    energy_mj: float | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """An architecture offered for a limit; ``measured_ms`` is ``None`` without verification.

    With several devices, latencies are those of the slowest; ``devices`` holds each.
    """

    limit_ms: float | None
    """``None`` where no latency limit was asked for."""
    architecture: str
    predicted_ms: float
    low_ms: float
    high_ms: float
    measured_ms: float | None
    accuracy_percent: float | None
    parameters: int
    multiply_adds: int
    min_accuracy_percent: float | None = None
    devices: tuple[PickOnDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitOutcome:
    """Whether a limit is met, and one line on why the search for it ended."""

    limit_ms: float | None
    met: bool
    message: str
    min_accuracy_percent: float | None = None


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """A measured architecture beside its prediction at the time."""

    architecture: str
    latency_ms: float
    predicted_ms: float
    verdict: Verdict
    device: str = ""


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
    devices: tuple[str, ...] = ()
    """All that the answer holds on; ``device`` is the first."""
    percentile: float = MEDIAN
    objective: Objective = Objective.DEFAULT
    candidates: int = 0
    """How many architectures the answer was chosen from."""
    candidates_name: str = ""
    """Which those were: a generator's name, or the user's file."""
