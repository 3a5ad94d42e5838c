"""A small world: devices whose latency is a known function of the cell."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from help_core.predictors.help.checkpoint import CheckpointRecord
from help_core.predictors.help.data import MetaData, meta_data
from help_core.predictors.help.meta_train import MetaTrained, meta_train
from help_core.predictors.help.settings import CORRECTED, HelpSettings
from help_core.spaces.base import sample_genes
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable


def made_up_table(space: NasBench201, devices: int, rows: int = 260) -> LatencyTable:
    """Latencies additive in operations, with prices that differ from device to device."""
    rng = np.random.default_rng(0)
    references = space.to_genes(space.reference_architectures())
    known = {row.tobytes() for row in references}
    drawn = sample_genes(space, rows + len(known), rng)
    others = [row for row in drawn if row.tobytes() not in known][: rows - len(known)]
    genes = np.stack([*others, *references])
    price = np.exp(rng.normal(size=(5, devices)) * 0.3) * np.array([[0.1], [0.2], [1], [3], [1]])
    counts = (genes[:, :, None] == np.arange(5)).sum(axis=1)
    latency = (2 + counts @ price) * np.exp(rng.normal(size=devices))
    names = tuple(f"device{number}" for number in range(devices))
    return LatencyTable(space.name, tuple(space.from_genes(genes)), names, latency)


SMALL = dataclasses.replace(
    CORRECTED, hidden=16, episodes=40, query_size=40, tasks_per_episode=4, pool=200
)


@pytest.fixture(scope="session")
def space() -> NasBench201:
    return NasBench201()


@pytest.fixture(scope="session")
def table(space: NasBench201) -> LatencyTable:
    return made_up_table(space, devices=8)


@pytest.fixture(scope="session")
def data(table: LatencyTable, space: NasBench201) -> MetaData:
    return meta_data(table, space)


@pytest.fixture(scope="session")
def small_settings() -> HelpSettings:
    return SMALL


@pytest.fixture(scope="session")
def trained(data: MetaData) -> MetaTrained:
    return meta_train(data.select(data.devices[:6]), data.select(data.devices[6:]), SMALL, seed=0)


@pytest.fixture
def record(data: MetaData, trained: MetaTrained) -> CheckpointRecord:
    return CheckpointRecord(
        space=data.space,
        feature_width=data.features.shape[1],
        settings=trained.learner.settings,
        training_devices=data.devices[:6],
        validation_devices=data.devices[6:],
        seed=0,
        episode=trained.episode,
        spearman=trained.validation.spearman,
        error=trained.validation.error,
        bias=trained.validation.bias,
        data_sha256={"training": data.digest()},
        command="made in a test",
    )
