"""One device, some repeats: the part of an evaluation that can run anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from help_core.arrays import IntArray
from help_core.errors import BadInput
from help_core.evaluation.metrics import Scores, score
from help_core.evaluation.records import SupportStrategy
from help_core.evaluation.support import SupportSource, Target, gather_support
from help_core.predictors.base import Predictor


@dataclass(frozen=True, slots=True)
class RepeatTask:
    """Which repeats on which device, with everything that they need."""

    target: Target
    source: SupportSource
    queries: IntArray
    predictor: Predictor
    support: SupportStrategy
    samples: int
    seed: int
    repeats: range
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class RepeatOutcome:
    """One repeat."""

    scores: Scores
    measurements: int
    adapt_s: float
    predict_s: float


def run_repeats(task: RepeatTask) -> list[RepeatOutcome]:
    """Draws a support, adapts, predicts and scores, once for each repeat."""
    return [_repeat(task, repeat) for repeat in task.repeats]


def _repeat(task: RepeatTask, repeat: int) -> RepeatOutcome:
    target = task.target
    # Seeded by name, so that a device's supports do not depend on which others are tested.
    rng = np.random.default_rng([task.seed, repeat, crc32(target.device.encode())])
    target.measured.clear()
    support = gather_support(task.support, target, task.source, task.predictor, task.samples, rng)
    start = task.clock()
    adapted = task.predictor.adapt(support, rng)
    middle = task.clock()
    prediction = adapted.predict(target.genes[task.queries])
    end = task.clock()
    try:
        scores = score(prediction, target.latency_ms[task.queries])
    except BadInput as error:
        raise BadInput(f"column {target.device!r}: {error}") from None
    return RepeatOutcome(scores, len(target.measured), middle - start, end - middle)
