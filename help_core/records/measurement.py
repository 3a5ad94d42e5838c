"""What came of an attempt: raw samples with a verdict, or a failure with a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite

from help_core.errors import BadInput

MAX_SAMPLES = 100_000
INTERVAL_IN_ERRORS = 1.96
"""Half the width of a 95 % interval, in standard errors."""


class Verdict(StrEnum):
    """Whether to believe a measurement."""

    VALID = "valid"
    SUSPECT = "suspect"
    INVALID = "invalid"


class FailureClass(StrEnum):
    """Why there is no measurement."""

    BAD_MODEL = "bad-model"
    CRASHED = "crashed"
    OUT_OF_MEMORY = "out-of-memory"
    TIMED_OUT = "timed-out"
    NO_PROVIDER = "no-provider"
    NO_DATA = "no-data"
    KILLED = "killed"
    ILLEGAL_INSTRUCTION = "illegal-instruction"
    WRONG_OUTPUT = "wrong-output"


@dataclass(frozen=True, slots=True)
class Summary:
    """Order statistics of the steady samples, in ms."""

    median_ms: float
    low_ms: float
    high_ms: float
    min_ms: float
    q1_ms: float
    q3_ms: float
    mean_ms: float

    def __post_init__(self) -> None:
        if not 0 < self.min_ms <= self.median_ms < float("inf"):
            raise BadInput(
                f"summary with median {self.median_ms} ms and minimum {self.min_ms} ms:"
                " a latency is finite and above zero"
            )
        others = (self.low_ms, self.high_ms, self.q1_ms, self.q3_ms, self.mean_ms)
        if not all(map(isfinite, others)):
            raise BadInput("a summary holds a number that is not finite")

    @property
    def error_ms(self) -> float:
        """Standard error of the median, from its interval."""
        return max(self.high_ms - self.low_ms, 0.0) / (2 * INTERVAL_IN_ERRORS)


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading of the board around a measurement; ``None`` where it cannot be read."""

    name: str
    before: float | None
    after: float | None
    low: float | None = None
    """Lowest and highest value seen while it measured."""
    high: float | None = None

    def __post_init__(self) -> None:
        if not all(isfinite(value) for value in (self.before, self.after) if value is not None):
            raise BadInput(f"reading {self.name[:64]!r} is not finite; leave out what is unknown")


@dataclass(frozen=True, slots=True)
class ColdFigures:
    """What one measuring process took before its steady state (rule 2)."""

    build_ms: float
    session_ms: float
    first_run_ms: float
    warmup_runs: int
    samples: int = 0
    """How many of the measurement's samples are this process's; 0 if it was set aside."""
    median_ms: float = 0.0
    reasons: tuple[str, ...] = ()
    """What is wrong with this process's samples."""
    waited_ms: float = 0.0
    """Time that all its samples together waited for a core; no part of the latency."""
    set_aside_ns: tuple[int, ...] = ()
    """Its samples, if another process has replaced it."""

    def __post_init__(self) -> None:
        # What comes back from JSON are lists.
        object.__setattr__(self, "reasons", tuple(self.reasons))
        object.__setattr__(self, "set_aside_ns", tuple(self.set_aside_ns))


@dataclass(frozen=True, slots=True)
class Measurement:
    """Raw samples, summary, conditions before and after, and a verdict with reasons."""

    samples_ns: tuple[int, ...]
    summary: Summary
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    processes: tuple[ColdFigures, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.samples_ns) <= MAX_SAMPLES:
            raise BadInput(f"{len(self.samples_ns)} samples; a measurement has 1-{MAX_SAMPLES}")
        if min(self.samples_ns) <= 0:
            raise BadInput("a sample of 0 ns or less is no latency")
        if self.verdict is not Verdict.VALID and not self.reasons:
            raise BadInput(f"verdict {self.verdict} gives no reason")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no measurement."""

    failure_class: FailureClass
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one attempt at a job."""

    key: str
    """Idempotency key: a report delivered twice is stored once."""
    job_id: int
    token: int
    measured_unix_s: float
    """Wall time on the board; recorded, never compared."""
    outcome: Measurement | Failure

    def __post_init__(self) -> None:
        if not (8 <= len(self.key) <= 64 and self.key.isascii() and self.key.isprintable()):
            raise BadInput("a report's key must be 8-64 printable ASCII characters")
        if not (0 <= self.job_id < 2**63 and 0 <= self.token < 2**63):
            raise BadInput("a report's job and token must be below 2^63")
        if not isfinite(self.measured_unix_s):
            raise BadInput("a report's time is not finite")
