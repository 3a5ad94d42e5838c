from __future__ import annotations

import numpy as np
import pytest

from help_core.errors import BadInput
from help_core.predictors.base import Predictor, Support
from help_core.predictors.layer_wise import LayerWisePredictor
from help_core.predictors.registry import get_predictor
from help_core.spaces.base import GeneSpace, sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.ofa import OFAMobileNetV3


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_operations_of_a_cell_share_an_entry_wherever_they_stand() -> None:
    predictor = LayerWisePredictor(NasBench201())
    assert isinstance(predictor, Predictor)
    counts = predictor.blocks(np.array([[3, 0, 0, 3, 1, 0], [0, 3, 3, 0, 0, 1]]))
    np.testing.assert_array_equal(counts[0], counts[1])
    assert counts[0].sum() == 3


def test_layers_of_fbnet_of_one_shape_share_an_entry() -> None:
    space = FBNet()
    shapes = len(set(space.skeleton.layers()))
    counts = LayerWisePredictor(space).blocks(sample_genes(space, 50, rng()))
    assert counts.shape == (50, shapes * 9)
    assert (counts.sum(axis=1) == 22).all()


def test_single_block_networks_and_a_few_others_price_every_cell() -> None:
    space = NasBench201()
    predictor = get_predictor("layer-wise", space)
    assert isinstance(predictor, LayerWisePredictor)
    prices = np.array([0.3, 2.0, 7.0, 1.5])
    support = predictor.support_genes(8, rng())
    latency_ms = 10 + predictor.blocks(support) @ prices
    adapted = predictor.adapt(Support(support, latency_ms), rng())
    genes = sample_genes(space, 300, rng())
    expected = 10 + predictor.blocks(genes) @ prices
    np.testing.assert_allclose(adapted.predict(genes).latency_ms, expected, rtol=0.02)


def test_enough_measurements_of_any_networks_price_the_blocks_of_fbnet() -> None:
    space = FBNet()
    predictor = LayerWisePredictor(space)
    genes = sample_genes(space, 600, rng())
    counts = predictor.blocks(genes)
    latency_ms = 3 + counts @ rng().uniform(0, 1, counts.shape[1])
    adapted = predictor.adapt(Support(genes[:400], latency_ms[:400]), rng())
    np.testing.assert_allclose(adapted.predict(genes).latency_ms, latency_ms, rtol=0.01)


def test_no_block_is_cheaper_than_nothing() -> None:
    predictor = LayerWisePredictor(NasBench201())
    genes = sample_genes(predictor.space, 20, rng())
    adapted = predictor.adapt(Support(genes, rng().uniform(1, 100, 20)), rng())
    assert (adapted.block_ms >= 0).all()
    assert adapted.fixed_ms >= 0


@pytest.mark.parametrize("space", [NasBench201(), FBNet(), OFAMobileNetV3()])
def test_the_support_starts_with_single_blocks_and_goes_on_with_others(space: GeneSpace) -> None:
    predictor = LayerWisePredictor(space)
    genes = predictor.support_genes(250, rng())
    assert genes.shape == (250, len(space.gene_choices))
    assert len(np.unique(genes, axis=0)) == 250
    changed = (space.canonical(genes[1:4]) != space.canonical(genes[:1])).sum(axis=1)
    assert (changed <= 1).all()


def test_one_measurement_is_too_few() -> None:
    predictor = LayerWisePredictor(NasBench201())
    with pytest.raises(BadInput, match="at least 2 support points, got 1"):
        predictor.adapt(Support(predictor.support_genes(1, rng()), np.ones(1)), rng())
