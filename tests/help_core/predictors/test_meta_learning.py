from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from help_core.errors import BadInput, BadTable, NotFound
from help_core.predictors.base import Predictor, Support
from help_core.predictors.help.meta_train import Progress
from help_core.predictors.meta_learning import MetaRun, held_out, meta_learn, with_references
from help_core.predictors.training import Trainer
from help_core.spaces.base import sample_genes
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable

SPACE = NasBench201()
DEVICES = tuple("abcde")


@pytest.fixture(scope="module")
def table() -> LatencyTable:
    """Five devices without most of the reference architectures."""
    rng = np.random.default_rng(0)
    genes = sample_genes(SPACE, 200, rng)
    physics = SPACE.features(genes, "physics")
    latency_ms = 2 + physics / physics.mean(axis=0) @ rng.uniform(0, 1, (physics.shape[1], 5))
    return LatencyTable(SPACE.name, tuple(SPACE.from_genes(genes)), DEVICES, latency_ms)


def test_missing_references_come_from_the_devices_own_denoised_table(table: LatencyTable) -> None:
    filled = with_references(SPACE, table)
    np.testing.assert_array_equal(filled.latency_ms[:200], table.latency_ms)
    assert set(SPACE.reference_architectures()) <= set(filled.architectures)
    rng = np.random.default_rng(0)
    sample_genes(SPACE, 200, rng)
    physics = SPACE.features(SPACE.to_genes(table.architectures), "physics")
    prices = rng.uniform(0, 1, (physics.shape[1], 5))
    added = SPACE.to_genes(filled.architectures[200:])
    truth = 2 + SPACE.features(added, "physics") / physics.mean(axis=0) @ prices
    assert np.median(np.abs(filled.latency_ms[200:] / truth - 1)) < 0.05


def test_a_gap_of_a_reference_is_filled_and_other_gaps_stay(table: LatencyTable) -> None:
    whole = with_references(SPACE, table)
    holes = whole.latency_ms.copy()
    row = whole.architectures.index(SPACE.reference_architectures()[0])
    holes[row, 1] = holes[0, 0] = np.nan
    filled = with_references(SPACE, replace(whole, latency_ms=holes))
    assert filled.latency_ms[row, 1] == pytest.approx(whole.latency_ms[row, 1], rel=0.2)
    assert np.isnan(filled.latency_ms[0, 0])


def test_a_whole_table_is_left_alone(table: LatencyTable) -> None:
    whole = with_references(SPACE, table)
    assert with_references(SPACE, whole) is whole


@pytest.mark.parametrize(
    ("devices", "expected"),
    [("a", ""), ("ab", "b"), ("abc", "c"), ("abcd", "d"), ("abcdefghi", "dh")],
)
def test_every_fourth_device_validates(devices: str, expected: str) -> None:
    assert held_out(tuple(devices)) == tuple(expected)


@pytest.mark.parametrize("name", ["help", "maml", "meta-sgd"])
def test_a_meta_learner_of_that_name_adapts(name: str, table: LatencyTable) -> None:
    seen: list[Progress] = []
    predictor = Trainer(name, SPACE, seed=3, episodes=2, on_progress=seen.append)(table)
    assert isinstance(predictor, Predictor)
    assert predictor.name == name
    assert seen[-1].episode == 2
    genes = SPACE.to_genes(table.architectures[:10])
    adapted = predictor.adapt(Support(genes, table.latency_ms[:10, 0]), np.random.default_rng(0))
    assert np.isfinite(adapted.predict(genes).latency_ms).all()


def test_the_record_tells_what_was_learned_from(table: LatencyTable) -> None:
    run = MetaRun("meta-sgd", SPACE, table, ("b",), seed=4, episodes=2, train_architectures=120)
    record = meta_learn(run).record
    assert record.training_devices == ("a", "c", "d", "e")
    assert record.validation_devices == ("b",)
    assert (record.seed, record.settings.pool, record.settings.episodes) == (4, 120, 2)


def test_too_little_to_learn_from_is_said(table: LatencyTable) -> None:
    with pytest.raises(BadInput, match="give 2 or more, not a"):
        meta_learn(MetaRun("help", SPACE, table.select(["a"])))
    with pytest.raises(BadInput, match="195 training architectures asked for, the table has 200"):
        meta_learn(MetaRun("help", SPACE, table, train_architectures=195))
    with pytest.raises(BadTable, match="20 architectures of the training pool"):
        meta_learn(MetaRun("help", SPACE, table, train_architectures=20))


def test_an_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(NotFound, match=r"'oracle'; known: brp-nas, flops, .*transfer"):
        Trainer("oracle", SPACE)
