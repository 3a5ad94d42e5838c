"""Evaluating a predictor on devices of a latency table that it was not trained on.

>>> plan = Plan(("a", "b"), ("c",), samples=10)          # doctest: +SKIP
>>> evaluate(space, table, lambda train: RidgePredictor.train(space, train), plan, clock)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, get_args
from zlib import crc32

import numpy as np

from help_core.arrays import IntArray
from help_core.errors import BadInput, BadTable
from help_core.evaluation.metrics import Scores, mean_scores, score
from help_core.evaluation.records import DeviceScore, Evaluation, QuerySet, SupportStrategy
from help_core.evaluation.splits import query_rows, support_pool
from help_core.evaluation.support import SupportSource, Target, gather_support
from help_core.predictors.base import Prediction, Predictor
from help_core.spaces.base import GeneSpace
from help_core.tables.latency import LatencyTable

PredictorFactory: TypeAlias = Callable[[LatencyTable], Predictor]
"""Makes a predictor from the training devices' latencies, which is all it is given."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The conditions of an evaluation."""

    train_devices: tuple[str, ...]
    test_devices: tuple[str, ...]
    samples: int = 10
    support: SupportStrategy = "random"
    query: QuerySet = "all"
    repeats: int = 1
    seed: int = 0
    train_architectures: int | None = None
    """Rows that training and support come from, the first of the table; all if ``None``."""

    def __post_init__(self) -> None:
        if not self.test_devices:
            raise BadInput("no test device is named; give at least one")
        both = sorted(set(self.train_devices) & set(self.test_devices))
        if both:
            raise BadInput(f"{', '.join(both)} would be trained on and tested; name it once")
        if min(self.samples, self.repeats) < 1:
            raise BadInput(f"{self.samples} samples, {self.repeats} repeats: both must be above 0")
        if self.support not in get_args(SupportStrategy):
            known = ", ".join(get_args(SupportStrategy))
            raise BadInput(f"unknown support strategy {self.support!r}; use one of {known}")
        if self.query not in get_args(QuerySet):
            raise BadInput(f"unknown query set {self.query!r}; use all or help")


def evaluate(
    space: GeneSpace,
    table: LatencyTable,
    factory: PredictorFactory,
    plan: Plan,
    clock: Callable[[], float],
) -> Evaluation:
    """Trains once, then adapts to and scores every test device ``plan.repeats`` times.

    ``clock`` gives seconds, from any origin. The predictor sees the training devices' first
    ``plan.train_architectures`` rows and the support of the target, nothing else.
    """
    if table.space != space.name:
        raise BadTable(f"the table is of {table.space}, the search space is {space.name}")
    count = _train_count(table, plan)
    columns = [table.column(device)[:count] for device in plan.train_devices]
    training = LatencyTable(
        space.name,
        table.architectures[:count],
        plan.train_devices,
        np.column_stack(columns) if columns else np.empty((count, 0)),
    )
    for device in plan.test_devices:
        table.column(device)
    predictor = factory(training)
    genes = space.to_genes(table.architectures)
    references = space.to_genes(space.reference_architectures())
    scores = tuple(
        _evaluate_device(
            Target(device, genes, table.column(device)), references, predictor, plan, count, clock
        )
        for device in plan.test_devices
    )
    return Evaluation(
        space=space.name,
        predictor=predictor.name,
        train_devices=plan.train_devices,
        train_architectures=count,
        samples=plan.samples,
        support=plan.support,
        query=plan.query,
        repeats=plan.repeats,
        seed=plan.seed,
        devices=scores,
        mean=mean_scores([device.scores for device in scores]),
    )


def _train_count(table: LatencyTable, plan: Plan) -> int:
    rows = len(table.architectures)
    count = rows if plan.train_architectures is None else plan.train_architectures
    if not 1 <= count <= rows:
        raise BadInput(f"{count} training architectures asked for, the table has {rows}")
    return count


def _evaluate_device(
    target: Target,
    references: IntArray,
    predictor: Predictor,
    plan: Plan,
    train_count: int,
    clock: Callable[[], float],
) -> DeviceScore:
    measured = np.flatnonzero(np.isfinite(target.latency_ms[:train_count]))
    source = SupportSource(
        support_pool(target.latency_ms, train_count, plan.query), measured, references
    )
    queries = query_rows(target.latency_ms, train_count, plan.query)
    scores: list[Scores] = []
    times: list[tuple[float, float]] = []
    used = 0
    for repeat in range(plan.repeats):
        # Seeded by name, so that a device's supports do not depend on which others are tested.
        rng = np.random.default_rng([plan.seed, repeat, crc32(target.device.encode())])
        target.measured.clear()
        support = gather_support(plan.support, target, source, predictor, plan.samples, rng)
        used = max(used, len(target.measured))
        start = clock()
        adapted = predictor.adapt(support, rng)
        middle = clock()
        prediction = adapted.predict(target.genes[queries])
        times.append((middle - start, clock() - middle))
        scores.append(_score(target, queries, prediction))
    adapt_s, predict_s = np.mean(times, axis=0)
    return DeviceScore(
        device=target.device,
        scores=mean_scores(scores),
        spearman_deviation=float(np.std([one.spearman for one in scores])),
        measurements=used,
        queries=len(queries),
        adapt_ms=1e3 * float(adapt_s),
        predict_ms=1e3 * float(predict_s),
    )


def _score(target: Target, queries: IntArray, prediction: Prediction) -> Scores:
    try:
        return score(prediction, target.latency_ms[queries])
    except BadInput as error:
        raise BadInput(f"{target.device}: {error}") from None
