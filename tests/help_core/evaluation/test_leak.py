"""Nothing of a target but its support set reaches a predictor, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest

from help_core.arrays import FloatArray, IntArray
from help_core.evaluation import Plan, evaluate
from help_core.evaluation.records import SupportStrategy
from help_core.predictors.base import AdaptedPredictor, Prediction, Predictor, Support
from help_core.predictors.brp_nas import BrpNasPredictor, BrpNasSettings
from help_core.predictors.design import SupportDesigner
from help_core.predictors.training import Trainer, trainer_names
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable

TRAINING = ("a_1", "b_1", "c_1")
SAMPLES = 12
ROWS = 300


@dataclass
class Tap:
    """Passes everything on and keeps what came in and out."""

    inner: Predictor
    supports: list[Support] = field(default_factory=list)
    predictions: list[FloatArray] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.inner.name

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        return self.inner.support_genes(count, rng)

    def adapt(self, support: Support, rng: np.random.Generator) -> AdaptedPredictor:
        self.supports.append(support)
        adapted = self.inner.adapt(support, rng)
        self.predictions.append(adapted.predict(NasBench201().all_genes()[::97]).latency_ms)
        return adapted


class DesigningTap(Tap):
    """The same for predictors that choose among candidates."""

    def design(self, candidates: IntArray, count: int, rng: np.random.Generator) -> IntArray:
        assert isinstance(self.inner, SupportDesigner)
        return self.inner.design(candidates, count, rng)

    def next_candidate(
        self, support: Support, candidates: IntArray, rng: np.random.Generator
    ) -> int:
        assert isinstance(self.inner, SupportDesigner)
        return self.inner.next_candidate(support, candidates, rng)


def tap(predictor: Predictor) -> Tap:
    return DesigningTap(predictor) if isinstance(predictor, SupportDesigner) else Tap(predictor)


def trained(name: str, space: NasBench201, train: LatencyTable) -> Predictor:
    if name == "brp-nas":
        return BrpNasPredictor(space, BrpNasSettings(hidden=16, layers=2, epochs=3))
    return Trainer(name, space, episodes=2)(train)


def run(
    make: Callable[[LatencyTable], Predictor], space: NasBench201, table: LatencyTable, plan: Plan
) -> tuple[Tap, list[LatencyTable]]:
    taps: list[Tap] = []
    given: list[LatencyTable] = []

    def factory(train: LatencyTable) -> Predictor:
        given.append(train)
        taps.append(tap(make(train)))
        return taps[0]

    evaluate(space, table, factory, plan, lambda: 0.0)
    return taps[0], given


def poisoned(space: NasBench201, table: LatencyTable, supports: list[Support]) -> LatencyTable:
    """The target's latencies replaced by nonsense wherever no support measured them."""
    measured = {row.tobytes() for support in supports for row in support.genes}
    hidden = [row.tobytes() not in measured for row in space.to_genes(table.architectures)]
    latency_ms = table.latency_ms.copy()
    rng = np.random.default_rng(11)
    latency_ms[hidden, table.devices.index("target")] = rng.uniform(1e-3, 1e6, sum(hidden))
    assert sum(hidden) > 0.9 * len(hidden)
    return replace(table, latency_ms=latency_ms)


@pytest.fixture(scope="module")
def with_references(space: NasBench201, table: LatencyTable) -> LatencyTable:
    """The table with the reference architectures in it, which HELP as published must measure."""
    rng = np.random.default_rng(5)
    known = set(table.architectures)
    added = tuple(one for one in space.reference_architectures() if one not in known)
    latency_ms = np.vstack([rng.uniform(4, 8, (len(added), len(table.devices))), table.latency_ms])
    return replace(table, architectures=(*added, *table.architectures), latency_ms=latency_ms)


def strategies(name: str) -> tuple[SupportStrategy, ...]:
    if name == "help-as-published":
        return ("reference",)
    return ("random", "design", "sequential") if name == "transfer" else ("random",)


@pytest.mark.parametrize(
    ("name", "support"), [(name, each) for name in trainer_names() for each in strategies(name)]
)
def test_a_poisoned_target_changes_no_prediction(
    name: str, support: SupportStrategy, space: NasBench201, with_references: LatencyTable
) -> None:
    plan = Plan(
        TRAINING,
        ("target",),
        samples=SAMPLES,
        support=support,
        repeats=2,
        train_architectures=ROWS,
    )
    make = partial(trained, name, space)
    clean, given = run(make, space, with_references, plan)
    assert all(table.devices == TRAINING for table in given)
    assert all(len(table.architectures) == ROWS for table in given)
    assert all(len(each) <= SAMPLES for each in clean.supports)
    poison = poisoned(space, with_references, clean.supports)
    dirty, _ = run(make, space, poison, plan)
    assert len(dirty.predictions) == len(clean.predictions) == 2
    np.testing.assert_array_equal(dirty.predictions, clean.predictions)


@dataclass
class Peeker:
    """Knows the whole table, by ways that no evaluator can close."""

    space: NasBench201
    table: LatencyTable
    name: str = "peeker"

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        return self.space.all_genes()[:count]

    def adapt(self, support: Support, rng: np.random.Generator) -> Peeker:
        return self

    def predict(self, genes: IntArray) -> Prediction:
        latency_ms = np.arange(1.0, len(genes) + 1) * self.table.column("target").mean()
        return Prediction(latency_ms, latency_ms, latency_ms)


def test_the_check_sees_a_predictor_that_peeks(
    space: NasBench201, with_references: LatencyTable
) -> None:
    plan = Plan(TRAINING, ("target",), samples=5, train_architectures=ROWS)
    clean, _ = run(lambda _: Peeker(space, with_references), space, with_references, plan)
    poison = poisoned(space, with_references, clean.supports)
    dirty, _ = run(lambda _: Peeker(space, poison), space, poison, plan)
    assert not np.array_equal(dirty.predictions, clean.predictions)
