"""Keyword arguments that both clients share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

from help_core.records import Limits, Objective, Progress

OnProgress = Callable[[Progress], None]


class AdaptOptions(TypedDict, total=False):
    """The fields of ``AdaptOrder`` besides device and space; see ``help-coord adapt --help``."""

    predictor: str
    samples: int
    max_latency_ms: Sequence[float]
    top: int
    verify: bool
    winner_measurements: int
    seed: int
    fresh: bool
    more_devices: Sequence[str]
    percentile: float
    limits: Limits
    min_accuracy_percent: Sequence[float]
    whole_front: bool
    objective: Objective
    accuracy_source: str
    candidates: Sequence[str]
    candidates_name: str
    generator: str
    reuse_adaptation: bool


class CollectOptions(TypedDict, total=False):
    """How a collection is made; see ``help-coord collect --help``."""

    labels: dict[str, str]
    priority: int
    deadline_in_s: float | None
    resume: bool
