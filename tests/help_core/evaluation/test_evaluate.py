from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from help_core.arrays import IntArray
from help_core.errors import BadInput, BadTable, NotFound
from help_core.evaluation import Plan, evaluate
from help_core.predictors.base import Prediction, Support
from help_core.predictors.flops import FlopsPredictor
from help_core.predictors.ridge import RidgePredictor
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable

PLAN = Plan(("a_1", "b_1"), ("target",), samples=5, train_architectures=100)


def ticking() -> Iterator[float]:
    seconds = 0.0
    while True:
        yield seconds
        seconds += 0.25


def clock() -> float:
    return 0.0


@dataclass
class Recorder:
    """Keeps all that it is given; predicts the support's mean times a constant per gene."""

    name: str = "recorder"
    trained_on: list[LatencyTable] = field(default_factory=list)
    supports: list[Support] = field(default_factory=list)

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        space = NasBench201()
        return space.to_genes(space.reference_architectures())[:count]

    def adapt(self, support: Support, rng: np.random.Generator) -> Recorder:
        self.supports.append(support)
        return self

    def predict(self, genes: IntArray) -> Prediction:
        latency_ms = self.supports[-1].latency_ms.mean() * (1 + genes.sum(axis=1))
        return Prediction(latency_ms, 0.5 * latency_ms, 2 * latency_ms)


def test_only_the_support_of_the_target_reaches_the_predictor(
    space: NasBench201, table: LatencyTable
) -> None:
    recorder = Recorder()
    evaluate(space, table, lambda train: recorder, PLAN, clock)
    seen = {row.tobytes() for row in recorder.supports[0].genes}
    rows = [row.tobytes() in seen for row in space.to_genes(table.architectures)]
    poisoned = table.latency_ms.copy()
    poisoned[~np.array(rows), table.devices.index("target")] *= np.random.default_rng(3).uniform(
        0.1, 10, size=len(rows) - sum(rows)
    )

    def predictions(latency_ms: np.ndarray) -> list[np.ndarray]:
        caught: list[np.ndarray] = []

        def factory(train: LatencyTable) -> RidgePredictor:
            assert train.devices == ("a_1", "b_1")
            assert train.latency_ms.shape == (100, 2)
            predictor = RidgePredictor.train(space, train)
            return Spy(predictor, caught)  # type: ignore[return-value]

        evaluate(space, replace(table, latency_ms=latency_ms), factory, PLAN, clock)
        return caught

    clean, poison = predictions(table.latency_ms), predictions(poisoned)
    assert len(clean) == 1
    np.testing.assert_array_equal(clean[0], poison[0])


@dataclass
class Spy:
    """Passes everything on and keeps the predictions for all architectures."""

    inner: RidgePredictor
    caught: list[np.ndarray]
    name: str = "spy"

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        return self.inner.support_genes(count, rng)

    def adapt(self, support: Support, rng: np.random.Generator) -> object:
        adapted = self.inner.adapt(support, rng)
        self.caught.append(adapted.predict(NasBench201().all_genes()[:500]).latency_ms)
        return adapted


def test_the_record_names_its_conditions_and_turns_into_json(
    space: NasBench201, table: LatencyTable
) -> None:
    plan = replace(PLAN, repeats=3, seed=5)
    result = evaluate(space, table, lambda train: RidgePredictor.train(space, train), plan, clock)
    loaded = json.loads(json.dumps(result.to_json()))
    assert loaded["predictor"] == "ridge"
    assert loaded["train_architectures"] == 100
    assert loaded["devices"][0]["measurements"] == 5
    assert loaded["devices"][0]["queries"] == 400
    assert loaded["mean"]["spearman"] == result.devices[0].scores.spearman
    assert result.devices[0].scores.spearman > 0.8
    assert result.devices[0].spearman_deviation > 0


def test_times_come_from_the_injected_clock(space: NasBench201, table: LatencyTable) -> None:
    ticks = ticking()
    result = evaluate(space, table, lambda train: FlopsPredictor(space), PLAN, lambda: next(ticks))
    assert (result.devices[0].adapt_ms, result.devices[0].predict_ms) == (250, 250)


def test_supports_of_a_device_do_not_depend_on_the_other_devices(
    space: NasBench201, table: LatencyTable
) -> None:
    alone, beside = Recorder(), Recorder()
    evaluate(space, table, lambda train: alone, PLAN, clock)
    both = replace(PLAN, test_devices=("c_1", "target"))
    evaluate(space, table, lambda train: beside, both, clock)
    np.testing.assert_array_equal(alone.supports[0].genes, beside.supports[1].genes)


def test_references_come_first_and_random_ones_fill_up(space: NasBench201) -> None:
    genes = space.all_genes()
    latency_ms = np.random.default_rng(0).uniform(1, 2, size=(len(genes), 1))
    table = LatencyTable(space.name, tuple(space.from_genes(genes)), ("target",), latency_ms)
    recorder = Recorder()
    plan = Plan((), ("target",), samples=13, support="reference")
    result = evaluate(space, table, lambda train: recorder, plan, clock)
    references = space.to_genes(space.reference_architectures())
    np.testing.assert_array_equal(recorder.supports[0].genes[:10], references)
    assert len(np.unique(recorder.supports[0].genes, axis=0)) == 13
    assert result.devices[0].measurements == 13


def test_a_predictor_without_a_pool_must_find_its_choice_in_the_table(
    space: NasBench201, table: LatencyTable
) -> None:
    with pytest.raises(BadInput, match="wanted support architectures have no latency"):
        evaluate(space, table, lambda train: Recorder(), replace(PLAN, support="design"), clock)


def test_sequential_support_needs_a_predictor_that_chooses(
    space: NasBench201, table: LatencyTable
) -> None:
    with pytest.raises(BadInput, match="recorder cannot choose the next"):
        evaluate(space, table, lambda train: Recorder(), replace(PLAN, support="sequential"), clock)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"test_devices": ("nobody",)}, NotFound, "'nobody' is not in the latency table"),
        ({"train_devices": ("nobody",)}, NotFound, "'nobody' is not in the latency table"),
        ({"train_architectures": 4}, BadInput, "5 support points asked for, 4 training"),
        ({"train_architectures": 401}, BadInput, "the table has 400"),
        ({"query": "help"}, BadInput, "rows 100-1099, the table has 400"),
    ],
)
def test_bad_conditions_are_one_clear_line(
    space: NasBench201,
    table: LatencyTable,
    change: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    plan = replace(PLAN, **change)  # type: ignore[arg-type]
    with pytest.raises(error, match=message) as caught:
        evaluate(space, table, lambda train: Recorder(), plan, clock)
    assert "\n" not in str(caught.value)


def test_a_plan_refuses_a_device_on_both_sides() -> None:
    with pytest.raises(BadInput, match="target would be trained on and tested"):
        replace(PLAN, train_devices=("target",))


@pytest.mark.parametrize(
    "change", [{"samples": 0}, {"repeats": 0}, {"support": "best"}, {"query": "some"}]
)
def test_a_plan_refuses_values_without_meaning(change: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        replace(PLAN, **change)  # type: ignore[arg-type]


def test_a_table_of_another_space_is_refused(space: NasBench201, table: LatencyTable) -> None:
    other = replace(table, space="fbnet")
    with pytest.raises(BadTable, match="is of fbnet, the search space is nasbench201"):
        evaluate(space, other, lambda train: Recorder(), PLAN, clock)


def test_a_constant_device_is_named(space: NasBench201, table: LatencyTable) -> None:
    latency_ms = table.latency_ms.copy()
    latency_ms[:, 3] = 7.0
    flat = replace(table, latency_ms=latency_ms)
    with pytest.raises(BadInput, match=r"column .target.: all 400 latencies are 7 ms"):
        evaluate(space, flat, lambda train: Recorder(), PLAN, clock)
