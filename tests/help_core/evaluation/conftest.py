"""A small table with a known law: each device has its own cost per live operation."""

from __future__ import annotations

import numpy as np
import pytest

from help_core.spaces.base import sample_genes
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable

DEVICES = ("a_1", "b_1", "c_1", "target")


@pytest.fixture(scope="session")
def space() -> NasBench201:
    return NasBench201()


@pytest.fixture(scope="session")
def table(space: NasBench201) -> LatencyTable:
    rng = np.random.default_rng(7)
    genes = sample_genes(space, 400, rng)
    physics = space.features(genes, "physics")
    work = physics / physics.mean(axis=0)
    costs = rng.uniform(0, 1, size=(physics.shape[1], len(DEVICES)))
    latency_ms = 2 + work @ costs
    latency_ms *= np.exp(0.01 * rng.normal(size=latency_ms.shape))
    return LatencyTable(space.name, tuple(space.from_genes(genes)), DEVICES, latency_ms)
