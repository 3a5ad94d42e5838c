"""What users ask for, and the rows of latency tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from help_core.errors import BadInput

DEFAULT_SAMPLES = 10
MIN_SUPPORT = 3
MAX_SAMPLES = 1000
MAX_GOALS = 100
MAX_DEVICES = 16
MAX_CANDIDATES = 20_000
"""They travel in one message of at most 4 MiB."""
MEDIAN = 50.0
FRONT_BUDGET = 30
"""Most measurements that confirm a whole front, unless the user says."""


class Objective(StrEnum):
    """What a user wants much of (little, in the case of latency)."""

    DEFAULT = "default"
    """Accuracy, or FLOPs where the space has no accuracy source."""
    ACCURACY = "accuracy"
    FLOPS = "flops"
    """Multiply-adds: the largest network that fits."""
    PARAMETERS = "parameters"
    LATENCY = "latency"
    """The fastest network that keeps the other limits."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits besides those on latency; ``None`` is no limit."""

    max_parameters: int | None = None
    max_multiply_adds: int | None = None
    max_memory_mib: float | None = None
    max_energy_mj: float | None = None
    """Of one inference."""

    def __post_init__(self) -> None:
        for name in ("max_parameters", "max_multiply_adds", "max_memory_mib", "max_energy_mj"):
            limit = getattr(self, name)
            if limit is not None and not (math.isfinite(limit) and 0 < limit < 2**63):
                raise BadInput(f"limit {name} {limit} is not above zero and finite")


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
    more_devices: tuple[str, ...] = ()
    """The answer must hold on these, too."""
    percentile: float = MEDIAN
    """Of the samples of a measurement: what has to keep the limit on latency."""
    limits: Limits = Limits()
    min_accuracy_percent: tuple[float, ...] = ()
    """For each, the fastest that reaches it."""
    whole_front: bool = False
    objective: Objective = Objective.DEFAULT
    accuracy_source: str = ""
    """By name; empty: what the user imported, or what ships."""
    candidates: tuple[str, ...] = ()
    """Canonical strings to choose from; empty: a generator's."""
    candidates_name: str = ""
    """Where they are from, for provenance."""
    generator: str = ""
    """By name; empty: the whole space, or evolution where that is too large."""
    reuse_adaptation: bool = False
    """Rest on the last adaptation instead of measuring a support set."""

    def __post_init__(self) -> None:
        if not MIN_SUPPORT <= self.samples <= MAX_SAMPLES:
            raise BadInput(f"samples {self.samples} is not between {MIN_SUPPORT} and {MAX_SAMPLES}")
        if not 1 <= self.top <= 100:
            raise BadInput(f"top {self.top} is not between 1 and 100")
        for limit in self.max_latency_ms:
            if not (math.isfinite(limit) and limit > 0):
                raise BadInput(f"latency limit {limit} ms is not above zero and finite")
        if len(self.max_latency_ms) + len(self.min_accuracy_percent) > MAX_GOALS:
            raise BadInput(f"more than {MAX_GOALS} limits; ask for fewer, or for the whole front")
        for accuracy in self.min_accuracy_percent:
            if not 0 < accuracy < 100:
                raise BadInput(f"least accuracy {accuracy} is not between 0 and 100 percent")
        if not 0 < self.percentile < 100:
            raise BadInput(f"percentile {self.percentile} is not between 0 and 100")
        if len(self.devices) > MAX_DEVICES or len(set(self.devices)) < len(self.devices):
            raise BadInput(f"name at most {MAX_DEVICES} devices, and each once")
        if len(self.candidates) > MAX_CANDIDATES:
            raise BadInput(f"{len(self.candidates)} candidates; give at most {MAX_CANDIDATES}")
        self._check_combinations()

    def _check_combinations(self) -> None:
        if self.min_accuracy_percent and self.whole_front:
            raise BadInput("ask for the fastest above an accuracy or for the whole front, not both")
        if self.min_accuracy_percent and self.objective not in FOR_ACCURACY:
            raise BadInput(
                f"a least accuracy makes latency the objective; leave out {self.objective.value!r}"
            )
        if len(self.max_latency_ms) > 1 and (self.whole_front or self.min_accuracy_percent):
            raise BadInput(
                "several latency limits go with neither the whole front nor a least accuracy;"
                " give one"
            )
        if self.whole_front and self.objective is Objective.LATENCY:
            raise BadInput("the fastest network is one end of the front; ask for one of the two")
        if self.candidates and self.generator:
            raise BadInput("give candidates or name a generator of them, not both")

    @property
    def devices(self) -> tuple[str, ...]:
        """All devices that the answer must hold on."""
        return (self.device, *self.more_devices)

    def budget(self, goals: int) -> int:
        """Most architectures to confirm winners with, on each device."""
        if self.winner_measurements:
            return self.winner_measurements
        return FRONT_BUDGET if self.whole_front else 6 + (3 + self.top) * goals


FOR_ACCURACY = (Objective.DEFAULT, Objective.ACCURACY, Objective.LATENCY)


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
