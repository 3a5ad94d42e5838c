"""HELP behind the ``Predictor`` protocol."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr

from help_core.errors import BadCheckpoint, BadInput
from help_core.predictors.base import AdaptedPredictor, Predictor, Support
from help_core.predictors.help.checkpoint import CheckpointRecord
from help_core.predictors.help.meta_train import MetaTrained, new_learner
from help_core.predictors.help.predictor import HelpPredictor
from help_core.predictors.help.settings import AS_PUBLISHED
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable


@pytest.fixture
def predictor(space: NasBench201, trained: MetaTrained, record: CheckpointRecord) -> HelpPredictor:
    return HelpPredictor(space, trained.learner, record)


def measured(table: LatencyTable, space: NasBench201, genes: np.ndarray, device: str) -> Support:
    """The support set that a device of the table gives for genotypes."""
    rows = {architecture: row for row, architecture in enumerate(table.architectures)}
    at = [rows[architecture] for architecture in space.from_genes(genes)]
    return Support(genes, table.column(device)[at])


def test_is_a_predictor(predictor: HelpPredictor) -> None:
    assert isinstance(predictor, Predictor)
    assert predictor.name == "help"


def test_asks_for_the_references_first_and_for_others_after_them(
    predictor: HelpPredictor, space: NasBench201
) -> None:
    references = space.to_genes(space.reference_architectures())
    asked = predictor.support_genes(14, np.random.default_rng(0))
    np.testing.assert_array_equal(asked[:10], references)
    assert len(np.unique(asked, axis=0)) == 14
    np.testing.assert_array_equal(
        predictor.support_genes(4, np.random.default_rng(0)), references[:4]
    )


def test_ranks_the_architectures_of_an_unknown_device(
    predictor: HelpPredictor, space: NasBench201, table: LatencyTable
) -> None:
    rng = np.random.default_rng(1)
    support = measured(table, space, predictor.support_genes(10, rng), "device7")
    adapted = predictor.adapt(support, rng)
    assert isinstance(adapted, AdaptedPredictor)
    genes = space.to_genes(table.architectures)
    prediction = adapted.predict(genes)
    assert spearmanr(prediction.latency_ms, table.column("device7")).statistic > 0.8
    assert (prediction.low_ms < prediction.latency_ms).all()
    assert (prediction.latency_ms < prediction.high_ms).all()
    inside = (prediction.low_ms <= table.column("device7")) & (
        table.column("device7") <= prediction.high_ms
    )
    assert inside.mean() > 0.7


def test_scale_of_the_device_scales_the_prediction(
    predictor: HelpPredictor, space: NasBench201, table: LatencyTable
) -> None:
    genes = predictor.support_genes(10, np.random.default_rng(1))
    support = measured(table, space, genes, "device6")
    slower = Support(support.genes, support.latency_ms * 250)
    query = space.to_genes(table.architectures[:20])
    one = predictor.adapt(support, np.random.default_rng(2)).predict(query)
    other = predictor.adapt(slower, np.random.default_rng(2)).predict(query)
    np.testing.assert_allclose(other.latency_ms, one.latency_ms * 250, rtol=1e-4)
    np.testing.assert_allclose(other.high_ms, one.high_ms * 250, rtol=1e-4)


def test_adapts_to_a_support_without_references(
    predictor: HelpPredictor, space: NasBench201, table: LatencyTable
) -> None:
    genes = space.to_genes(table.architectures[:10])
    adapted = predictor.adapt(measured(table, space, genes, "device7"), np.random.default_rng(0))
    prediction = adapted.predict(space.to_genes(table.architectures))
    assert spearmanr(prediction.latency_ms, table.column("device7")).statistic > 0.7


def test_noisier_support_gives_wider_intervals(
    predictor: HelpPredictor, space: NasBench201, table: LatencyTable
) -> None:
    genes = predictor.support_genes(10, np.random.default_rng(0))
    clean = measured(table, space, genes, "device7")
    noise = np.exp(np.random.default_rng(0).normal(size=10))
    noisy = Support(clean.genes, clean.latency_ms * noise)
    factors = [predictor.adapt(s, np.random.default_rng(0)).error.factor for s in (clean, noisy)]
    assert factors[1] > 1.5 * factors[0]


def test_predicting_nothing_gives_nothing(
    predictor: HelpPredictor, space: NasBench201, table: LatencyTable
) -> None:
    rng = np.random.default_rng(0)
    support = measured(table, space, predictor.support_genes(10, rng), "device7")
    prediction = predictor.adapt(support, rng).predict(np.empty((0, 6), dtype=np.int64))
    assert prediction.latency_ms.shape == (0,)


def test_too_small_support_is_refused(
    predictor: HelpPredictor, space: NasBench201, table: LatencyTable
) -> None:
    genes = space.to_genes(table.architectures[:2])
    support = measured(table, space, genes, "device0")
    with pytest.raises(BadInput, match="needs 3 or more measurements to adapt, got 2"):
        predictor.adapt(support, np.random.default_rng(0))


def test_checkpoint_of_another_space_is_refused(
    trained: MetaTrained, record: CheckpointRecord
) -> None:
    other = NasBench201("nasbench201-cifar10", classes=10)
    with pytest.raises(BadCheckpoint, match="'nasbench201', not 'nasbench201-cifar10'"):
        HelpPredictor(other, trained.learner, record)


def test_as_published_wants_every_reference(
    space: NasBench201, table: LatencyTable, record: CheckpointRecord
) -> None:
    predictor = HelpPredictor(space, new_learner(AS_PUBLISHED, 30, 0), record)
    nine = predictor.support_genes(9, np.random.default_rng(0))
    with pytest.raises(BadInput, match="1 are missing from the support"):
        predictor.adapt(measured(table, space, nine, "device0"), np.random.default_rng(0))


def test_as_published_predicts_within_reach_of_the_support(
    space: NasBench201, table: LatencyTable, record: CheckpointRecord
) -> None:
    settings = dataclasses.replace(AS_PUBLISHED, z_samples=3)
    predictor = HelpPredictor(space, new_learner(settings, 30, 0), record)
    ten = predictor.support_genes(10, np.random.default_rng(0))
    support = measured(table, space, ten, "device0")
    prediction = predictor.adapt(support, np.random.default_rng(0)).predict(ten)
    assert (prediction.latency_ms > 0).all()
    assert prediction.latency_ms.max() < 3 * support.latency_ms.max()
