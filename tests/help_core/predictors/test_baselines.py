from __future__ import annotations

import numpy as np
import pytest

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput, BadTable
from help_core.predictors.base import AdaptedPredictor, Predictor, Support
from help_core.predictors.flops import FlopsPredictor, multiply_adds
from help_core.predictors.intervals import UNKNOWN_HALF_WIDTH, relative_interval
from help_core.predictors.ridge import RidgePredictor
from help_core.spaces.base import sample_genes
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable

SPACE = NasBench201()


def law(genes: IntArray, costs: FloatArray) -> FloatArray:
    physics = SPACE.features(genes, "physics")
    latency_ms: FloatArray = 3 + physics @ costs
    return latency_ms


@pytest.fixture(scope="module")
def ridge() -> RidgePredictor:
    rng = np.random.default_rng(1)
    genes = sample_genes(SPACE, 300, rng)
    columns = [law(genes, rng.uniform(0, 0.1, 15)) for _ in range(4)]
    table = LatencyTable(
        SPACE.name, tuple(SPACE.from_genes(genes)), tuple("abcd"), np.column_stack(columns)
    )
    return RidgePredictor.train(SPACE, table)


def test_flops_ranks_by_multiply_adds_and_learns_the_line() -> None:
    rng = np.random.default_rng(0)
    predictor = FlopsPredictor(SPACE)
    assert isinstance(predictor, Predictor)
    genes = predictor.support_genes(8, rng)
    latency_ms = 2 + 0.1 * multiply_adds(SPACE, genes)
    adapted = predictor.adapt(Support(genes, latency_ms), rng)
    assert isinstance(adapted, AdaptedPredictor)
    np.testing.assert_allclose(adapted.predict(genes).latency_ms, latency_ms)


def test_flops_from_one_measurement_is_proportional_with_a_wide_interval() -> None:
    rng = np.random.default_rng(0)
    genes = sample_genes(SPACE, 3, rng)
    adapted = FlopsPredictor(SPACE).adapt(Support(genes[:1], np.array([8.0])), rng)
    prediction = adapted.predict(genes)
    assert prediction.latency_ms[0] == pytest.approx(8)
    assert (prediction.low_ms == 0).all()


def test_flops_never_predicts_that_more_work_is_faster() -> None:
    rng = np.random.default_rng(0)
    genes = sample_genes(SPACE, 6, rng)
    work = multiply_adds(SPACE, genes)
    adapted = FlopsPredictor(SPACE).adapt(Support(genes, 500 / work), rng)
    predicted = adapted.predict(genes).latency_ms
    assert np.corrcoef(predicted, work)[0, 1] == pytest.approx(1)


def test_flops_needs_a_measurement() -> None:
    empty = Support(np.empty((0, 6), dtype=np.int64), np.empty(0))
    with pytest.raises(BadInput, match="at least 1 support point"):
        FlopsPredictor(SPACE).adapt(empty, np.random.default_rng(0))


def test_ridge_recovers_a_mixture_of_training_devices(ridge: RidgePredictor) -> None:
    rng = np.random.default_rng(2)
    genes = sample_genes(SPACE, 500, rng)
    latency_ms = 20 * ridge._relative(genes) @ np.array([0.1, 0.7, 0.2, 0.0])
    adapted = ridge.adapt(Support(genes[:10], latency_ms[:10]), rng)
    np.testing.assert_allclose(adapted.predict(genes).latency_ms, latency_ms, rtol=0.02)


def test_ridge_bridges_gaps_in_the_training_tables() -> None:
    rng = np.random.default_rng(3)
    genes = sample_genes(SPACE, 300, rng)
    full = np.column_stack([law(genes, rng.uniform(0, 0.1, 15)) for _ in range(2)])
    holes = np.where(rng.random(full.shape) < 0.3, np.nan, full)
    architectures = tuple(SPACE.from_genes(genes))
    tables = [
        RidgePredictor.train(SPACE, LatencyTable(SPACE.name, architectures, ("a", "b"), values))
        for values in (full, holes)
    ]
    whole, holed = (table._relative(genes) for table in tables)
    np.testing.assert_allclose(holed, whole, rtol=0.05)


def test_ridge_needs_training_devices_and_two_points(ridge: RidgePredictor) -> None:
    genes = sample_genes(SPACE, 20, np.random.default_rng(0))
    empty = LatencyTable(SPACE.name, tuple(SPACE.from_genes(genes)), (), np.empty((20, 0)))
    with pytest.raises(BadInput, match="at least one training device"):
        RidgePredictor.train(SPACE, empty)
    with pytest.raises(BadInput, match="at least 2 support points, got 1"):
        ridge.adapt(Support(genes[:1], np.array([1.0])), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full(20, 5.0), "'flat' has the same latency everywhere"),
        (np.array([1.0, 2.0] + [np.nan] * 18), "'flat' has 2 latencies"),
    ],
)
def test_unusable_training_devices_are_named(values: FloatArray, message: str) -> None:
    genes = sample_genes(SPACE, 20, np.random.default_rng(0))
    table = LatencyTable(SPACE.name, tuple(SPACE.from_genes(genes)), ("flat",), values[:, None])
    with pytest.raises(BadTable, match=message):
        RidgePredictor.train(SPACE, table)


def test_the_interval_grows_with_the_residuals_and_is_wide_without_any() -> None:
    latency_ms = np.array([10.0, 11.0, 9.0, 10.0])
    narrow = relative_interval(latency_ms * 1.01, latency_ms, 1)
    wide = relative_interval(latency_ms * np.array([1.2, 0.8, 1.2, 0.8]), latency_ms, 1)
    assert 0.01 < narrow < 0.1 < wide
    assert relative_interval(latency_ms[:1], latency_ms[:1], 1) == UNKNOWN_HALF_WIDTH
