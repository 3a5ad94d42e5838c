"""An answer as an adaptation gives it, for tests of what is made of answers."""

from __future__ import annotations

import numpy as np

from help_core.accuracy import load_shipped_accuracy
from help_core.records import Answer, CloudPoint, LimitOutcome, MeasuredPoint, Pick, Verdict
from help_core.spaces import get_gene_space
from help_core.spaces.base import sample_genes


def make_answer(space_name: str = "nasbench201", count: int = 300, *, seed: int = 0) -> Answer:
    """Latencies grow with multiply-adds, accuracies are the shipped model's."""
    space, rng = get_gene_space(space_name), np.random.default_rng(seed)
    genes = sample_genes(space, count, rng)
    architectures = space.from_genes(genes)
    costs = [space.cost(one) for one in architectures]
    work = np.array([cost.multiply_adds for cost in costs]) / 1e6
    latency = 1.0 + 0.05 * work * rng.lognormal(0.0, 0.1, count)
    source = load_shipped_accuracy(space_name)
    accuracy = np.full(count, np.nan) if source is None else source.accuracy_percent(genes)
    picks = []
    limits = []
    for limit in np.quantile(latency, [0.4, 0.8]).round(2).tolist():
        within = np.flatnonzero(latency <= limit)
        best = int(within[np.argmax(np.nan_to_num(accuracy[within]))])
        predicted = float(latency[best])
        picks.append(
            Pick(
                limit_ms=limit,
                architecture=str(architectures[best]),
                predicted_ms=predicted,
                low_ms=0.9 * predicted,
                high_ms=1.1 * predicted,
                measured_ms=0.97 * predicted,
                accuracy_percent=None if source is None else float(accuracy[best]),
                parameters=costs[best].parameters,
                multiply_adds=costs[best].multiply_adds,
            )
        )
        limits.append(LimitOutcome(limit, True, "confirmed: no candidate promises more"))
    support = tuple(
        MeasuredPoint(str(architectures[i]), float(latency[i]), float(latency[i]) * 1.02, verdict)
        for i, verdict in enumerate([*[Verdict.VALID] * 9, Verdict.SUSPECT])
    )
    confirmations = tuple(
        MeasuredPoint(pick.architecture, pick.measured_ms or 0.0, pick.predicted_ms, Verdict.VALID)
        for pick in picks
    )
    known = np.flatnonzero(np.isfinite(accuracy))
    return Answer(
        device="board-1",
        space=space_name,
        predictor="transfer",
        accuracy_source="" if source is None else source.name,
        picks=tuple(picks),
        limits=tuple(limits),
        support=support,
        confirmations=confirmations,
        cloud=tuple(CloudPoint(float(latency[i]), float(accuracy[i])) for i in known),
        notes=("1 of 10 support measurements are suspect (clock)",),
        elapsed_s=93.0,
    )
