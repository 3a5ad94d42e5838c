"""Evaluating a predictor on devices of a latency table that it was not trained on.

>>> table = read_latency_table(Path("table.csv"), space)      # doctest: +SKIP
>>> plan = Plan(("a", "b"), ("c",), samples=10, repeats=30)
>>> print(evaluate(space, table, Trainer("transfer", space), plan, perf_counter).mean)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, get_args

import numpy as np

from help_core.errors import BadInput, BadTable
from help_core.evaluation.metrics import mean_scores
from help_core.evaluation.records import DeviceScore, Evaluation, QuerySet, SupportStrategy
from help_core.evaluation.repeats import RepeatOutcome, RepeatTask, run_repeats
from help_core.evaluation.splits import query_rows, support_pool
from help_core.evaluation.support import SupportSource, Target
from help_core.executor import Executor, InProcess
from help_core.predictors.base import Predictor
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
    *,
    executor: Executor | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Trains once, then adapts to and scores every test device ``plan.repeats`` times.

    ``clock`` gives seconds, from any origin. The predictor sees the training devices' first
    ``plan.train_architectures`` rows and the support of the target, nothing else. Devices and
    repeats run on ``executor``; the scores do not depend on which. ``on_progress`` is told
    how many of all repeats are done.
    """
    if table.space != space.name:
        raise BadTable(f"the table is of {table.space}, the search space is {space.name}")
    count = _train_count(table, plan)
    targets = _targets(space, table, plan)
    sources = [_source(space, target, plan, count) for target in targets]
    predictor = factory(_training_table(table, plan, count))
    executor = executor or InProcess()
    tasks = [
        RepeatTask(
            target,
            source,
            query_rows(target.latency_ms, count, plan.query),
            predictor,
            plan.support,
            plan.samples,
            plan.seed,
            block,
            clock,
        )
        for target, source in zip(targets, sources, strict=True)
        for block in _blocks(plan.repeats, executor.workers)
    ]
    outcomes: list[list[RepeatOutcome]] = [[] for _ in tasks]
    total = len(targets) * plan.repeats
    on_progress(0, total)
    for number, found in executor.map(run_repeats, tasks):
        outcomes[number] = found
        on_progress(sum(map(len, outcomes)), total)
    scores = tuple(_device_score(target, tasks, outcomes) for target in targets)
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


def _blocks(repeats: int, workers: int) -> list[range]:
    """The repeats in blocks: one each where nothing is sent, else one for each worker."""
    size = 1 if workers == 1 else -(-repeats // workers)
    return [range(start, min(start + size, repeats)) for start in range(0, repeats, size)]


def _train_count(table: LatencyTable, plan: Plan) -> int:
    rows = len(table.architectures)
    count = rows if plan.train_architectures is None else plan.train_architectures
    if not 1 <= count <= rows:
        raise BadInput(f"{count} training architectures asked for, the table has {rows}")
    return count


def _training_table(table: LatencyTable, plan: Plan, count: int) -> LatencyTable:
    columns = [table.column(device)[:count] for device in plan.train_devices]
    latency_ms = np.column_stack(columns) if columns else np.empty((count, 0))
    return LatencyTable(table.space, table.architectures[:count], plan.train_devices, latency_ms)


def _targets(space: GeneSpace, table: LatencyTable, plan: Plan) -> list[Target]:
    """The test devices; raises before anything is trained if one cannot be scored."""
    genes = space.to_genes(table.architectures)
    for device in (*plan.train_devices, *plan.test_devices):
        column = table.column(device)
        measured = column[np.isfinite(column)]
        if len(measured) > 1 and np.ptp(measured) == 0:
            raise BadInput(
                f"column {device!r}: all {len(measured)} latencies are {measured[0]:g} ms, which"
                " nothing can rank; leave the device out or measure it at a finer resolution"
            )
    return [Target(device, genes, table.column(device)) for device in plan.test_devices]


def _source(space: GeneSpace, target: Target, plan: Plan, count: int) -> SupportSource:
    """Where the target's supports come from; raises ``BadInput`` if it has too few rows."""
    measured = np.flatnonzero(np.isfinite(target.latency_ms[:count]))
    if len(measured) < plan.samples:
        raise BadInput(
            f"column {target.device!r}: {plan.samples} support points asked for,"
            f" {len(measured)} training architectures were measured on it;"
            " lower --samples or raise --train-architectures"
        )
    return SupportSource(
        support_pool(target.latency_ms, count, plan.query),
        measured,
        space.to_genes(space.reference_architectures()),
    )


def _device_score(
    target: Target, tasks: Sequence[RepeatTask], outcomes: Sequence[Sequence[RepeatOutcome]]
) -> DeviceScore:
    own = [
        (task, outcome)
        for task, found in zip(tasks, outcomes, strict=True)
        for outcome in found
        if task.target is target
    ]
    repeats = [outcome for _, outcome in own]
    return DeviceScore(
        device=target.device,
        scores=mean_scores([one.scores for one in repeats]),
        spearman_deviation=float(np.std([one.scores.spearman for one in repeats])),
        measurements=max(one.measurements for one in repeats),
        queries=len(own[0][0].queries),
        adapt_ms=1e3 * float(np.mean([one.adapt_s for one in repeats])),
        predict_ms=1e3 * float(np.mean([one.predict_s for one in repeats])),
    )
