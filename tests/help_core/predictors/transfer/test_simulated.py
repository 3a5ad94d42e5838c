"""Simulated devices, and intervals that learn from surprises."""

from __future__ import annotations

import numpy as np
import pytest

from help_core.predictors.transfer.intervals import Interval
from help_core.predictors.transfer.simulated import COMPONENTS, SimulatedDevices
from help_core.spaces.base import sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.fbnet.steps import layer_kinds
from help_core.spaces.steps import STEP_FIELDS, SteppedSpace

SPACE = FBNet()


@pytest.fixture(scope="module")
def simulated() -> SimulatedDevices:
    return SimulatedDevices.draw(SPACE, sample_genes(SPACE, 300, np.random.default_rng(0)))


def test_steps_hold_the_multiply_adds_of_the_physics() -> None:
    genes = sample_genes(SPACE, 50, np.random.default_rng(1))
    steps = SPACE.layer_steps()[layer_kinds(genes)].sum(axis=(1, 2))
    field = {name: steps[:, place] for place, name in enumerate(STEP_FIELDS)}
    physics = SPACE.features(genes, "physics")
    np.testing.assert_allclose(field["dense"] / 1e6, physics[:, 0])
    np.testing.assert_allclose(field["grouped"] / 1e6, physics[:, 1])
    np.testing.assert_allclose(field["depthwise"] / 1e6, physics[:, 2] + physics[:, 3])
    np.testing.assert_allclose(field["weights"] / 1e6, physics[:, 5])


def test_a_space_with_steps_is_recognised() -> None:
    assert isinstance(SPACE, SteppedSpace)


def test_a_layer_that_does_nothing_costs_nothing(simulated: SimulatedDevices) -> None:
    keeps_shape = 2 * 9 + 8
    assert simulated.ways[keeps_shape + 1].any()
    assert not simulated.ways[keeps_shape].any()


def test_deviations_are_sums_over_layers(simulated: SimulatedDevices) -> None:
    genes = sample_genes(SPACE, 4, np.random.default_rng(2))
    expected = [simulated.ways[layer_kinds(row[None])[0]].sum(axis=0) for row in genes]
    found = simulated.deviations(SPACE, genes)
    assert found.shape == (4, COMPONENTS)
    np.testing.assert_allclose(found, expected)


def test_supports_that_surprise_widen_intervals_and_calm_ones_narrow_them() -> None:
    calm, usual, wild = (Interval.of(np.full(10, z), 0) for z in (0.1, 0.585, 3.0))
    assert calm.half_width < usual.half_width < wild.half_width
    assert wild.half_width < 5 * calm.half_width


def test_two_measurements_do_not_change_the_width() -> None:
    widths = {Interval.of(np.full(2, z), 0).half_width for z in (0.01, 5.0)}
    assert len(widths) == 1
