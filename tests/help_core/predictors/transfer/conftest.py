"""Devices with known laws: each pays its own price per unit of physics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.transfer import TransferPredictor
from help_core.spaces.base import sample_genes
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable

Device = Callable[[IntArray], FloatArray]

SPACE = NasBench201()
MEAN_WORK = SPACE.features(SPACE.all_genes(), "physics").mean(axis=0)


def make_device(seed: int, noise: float = 0.0) -> Device:
    """Latency in ms of genotypes ``[n, 6]``."""
    rng = np.random.default_rng(seed)
    prices = rng.gamma(1.0, size=15)
    base = rng.uniform(2, 6)

    def latency_ms(genes: IntArray) -> FloatArray:
        work = SPACE.features(genes, "physics") / MEAN_WORK
        clean: FloatArray = base + work @ prices
        return clean * np.exp(noise * np.random.default_rng(9).normal(size=len(genes)))

    return latency_ms


@pytest.fixture(scope="session")
def training_table() -> LatencyTable:
    genes = sample_genes(SPACE, 400, np.random.default_rng(0))
    columns = [make_device(seed, 0.01)(genes) for seed in range(4)]
    return LatencyTable(
        SPACE.name,
        tuple(SPACE.from_genes(genes)),
        ("gpu_1", "gpu_2", "cpu", "phone"),
        np.column_stack(columns),
    )


@pytest.fixture(scope="session")
def predictor(training_table: LatencyTable) -> TransferPredictor:
    return TransferPredictor.train(SPACE, training_table)


@pytest.fixture(scope="session")
def untrained() -> TransferPredictor:
    return TransferPredictor.untrained(SPACE)
