import numpy as np
import pytest

from help_core.accuracy.cell_training import TrainingOptions, train_ensemble
from help_core.arrays import FloatArray, IntArray
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.nasbench201.costs import physics

SPACE = NasBench201()
CEILING = np.array([80.0, 100.0, 60.0])
CHANCE = np.array([1.0, 10.0, 0.8])
SMALL = TrainingOptions(members=2, width=12, hidden=16, steps=150, batch=64)


@pytest.fixture(scope="module")
def cells() -> tuple[IntArray, FloatArray]:
    """Cells whose accuracy grows with live convolutions and depth; no benchmark needed."""
    genes = SPACE.all_genes()[np.random.default_rng(0).permutation(15_625)[:800]]
    work = physics(genes, SPACE.skeleton)
    accuracy = 40 + 3 * work[:, 2] + 2 * work[:, 1] + 2 * work[:, 12]
    table = np.column_stack([accuracy, accuracy + 15, accuracy / 2])
    table[work[:, 13] == 0] = CHANCE
    return genes, table


def test_learns_what_it_was_not_shown(cells: tuple[IntArray, FloatArray]) -> None:
    genes, accuracy = cells
    ensemble = train_ensemble(genes[:600], accuracy[:600], CEILING, CHANCE, SMALL, seed=0)
    error = np.abs(ensemble.accuracy_percent(genes[600:]) - accuracy[600:]).mean(axis=0)
    spread = np.abs(accuracy[600:] - np.median(accuracy[:600], axis=0)).mean(axis=0)
    assert (error < 0.35 * spread).all()


def test_same_seed_same_ensemble_and_members_differ(cells: tuple[IntArray, FloatArray]) -> None:
    genes, accuracy = cells
    short = TrainingOptions(members=2, width=4, hidden=4, steps=5, batch=16)
    first, again, other = (
        train_ensemble(genes, accuracy, CEILING, CHANCE, short, seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.weights["edge_in"], again.weights["edge_in"])
    assert not np.array_equal(first.weights["edge_in"], other.weights["edge_in"])
    assert not np.array_equal(first.weights["edge_in"][0], first.weights["edge_in"][1])
