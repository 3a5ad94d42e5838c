from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from help_core.errors import BadInput
from help_core.predictors.base import AdaptedPredictor, Predictor, Support
from help_core.predictors.brp_nas import BrpNasPredictor, BrpNasSettings
from help_core.predictors.registry import get_predictor
from help_core.spaces.base import sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.nasbench201 import NasBench201

SMALL = BrpNasSettings(hidden=32, layers=2, epochs=60, step_size=4e-3)
SPACE = NasBench201()


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def world(count: int) -> Support:
    """Latencies by live work, which the graphs show."""
    genes = sample_genes(SPACE, count, rng())
    physics = SPACE.features(genes, "physics")
    return Support(genes, 5 + physics[:, :4] @ np.array([0.1, 1.0, 3.0, 0.7]))


def test_it_learns_a_device_from_nothing_but_its_measurements() -> None:
    data = world(300)
    predictor = BrpNasPredictor(SPACE, SMALL)
    assert isinstance(predictor, Predictor)
    adapted = predictor.adapt(Support(data.genes[:150], data.latency_ms[:150]), rng())
    assert isinstance(adapted, AdaptedPredictor)
    prediction = adapted.predict(data.genes[150:])
    assert spearmanr(prediction.latency_ms, data.latency_ms[150:]).statistic > 0.9
    inside = (prediction.low_ms <= data.latency_ms[150:]) & (
        data.latency_ms[150:] <= prediction.high_ms
    )
    assert inside.mean() > 0.7


def test_the_same_seed_gives_the_same_network_and_leaves_torch_alone() -> None:
    data = world(30)
    quick = BrpNasPredictor(SPACE, replace(SMALL, epochs=3))
    state = torch.get_rng_state()
    first, second = (quick.adapt(data, rng()).predict(data.genes).latency_ms for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_it_stops_when_validation_stands_still() -> None:
    data = world(40)
    endless = replace(SMALL, epochs=10_000, warm_up=1, stop_patience=3)
    adapted = BrpNasPredictor(SPACE, endless).adapt(data, rng())
    assert np.isfinite(adapted.predict(data.genes).latency_ms).all()


def test_few_points_all_train_and_the_interval_is_wide() -> None:
    data = world(6)
    adapted = BrpNasPredictor(SPACE, replace(SMALL, epochs=5)).adapt(data, rng())
    assert adapted.half_width == 1


def test_it_works_on_spaces_without_cells() -> None:
    space = FBNet()
    genes = sample_genes(space, 20, rng())
    latency_ms = rng().uniform(1, 2, 20)
    quick = BrpNasPredictor(space, replace(SMALL, epochs=2))
    prediction = quick.adapt(Support(genes, latency_ms), rng()).predict(genes)
    assert prediction.latency_ms.shape == (20,)
    assert (prediction.latency_ms > 0).all()


def test_published_settings_are_the_default() -> None:
    predictor = get_predictor("brp-nas", SPACE)
    assert isinstance(predictor, BrpNasPredictor)
    assert (predictor.settings.hidden, predictor.settings.layers) == (600, 4)
    assert (predictor.settings.epochs, predictor.settings.stop_patience) == (250, 35)


def test_one_measurement_is_too_few() -> None:
    with pytest.raises(BadInput, match="at least 2 support points"):
        BrpNasPredictor(SPACE, SMALL).adapt(world(1), rng())
