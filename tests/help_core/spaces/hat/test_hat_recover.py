"""Networks from HAT's averages: the same averages again, uniform layers, clear refusals."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

from help_core.arrays import FloatArray
from help_core.errors import BadArchitecture
from help_core.spaces.base import sample_genes
from help_core.spaces.hat import TASKS, Hat
from help_core.spaces.hat.recover import Layers, first_unreachable, recover_genes
from help_core.spaces.hat.task import as_measured

MEASURED = Hat("hat-measured", task=as_measured(TASKS["wmt14.en-de"]), beam=5)
JOINED_SPANS = 16
"""The one column of the physics that averages do not fix."""


def features(space: Hat, count: int) -> FloatArray:
    return space.features(sample_genes(space, count, np.random.default_rng(1)), "help")


@pytest.mark.parametrize("space", [MEASURED, Hat(), Hat("i", task=TASKS["iwslt14.de-en"])])
def test_a_network_of_the_space_is_recovered_with_its_very_features(space: Hat) -> None:
    wanted = features(space, 500)
    genes = recover_genes(space.task, wanted)
    np.testing.assert_array_equal(space.features(genes, "help"), wanted)
    np.testing.assert_array_equal(space.canonical(genes), genes)
    assert first_unreachable(space.task, wanted) is None


def test_all_networks_with_the_same_features_do_the_same_work() -> None:
    genes = sample_genes(MEASURED, 500, np.random.default_rng(2))
    found = recover_genes(MEASURED.task, MEASURED.features(genes, "help"))
    assert (found != genes).any(axis=1).mean() > 0.9
    ours, theirs = MEASURED.costs(found), MEASURED.costs(genes)
    np.testing.assert_array_equal(ours.multiply_adds, theirs.multiply_adds)
    np.testing.assert_array_equal(ours.parameters, theirs.parameters)
    physics = [MEASURED.features(one, "physics")[:, :JOINED_SPANS] for one in (found, genes)]
    np.testing.assert_array_equal(physics[0], physics[1])


def test_equal_features_give_one_network_wherever_they_stand() -> None:
    wanted = features(MEASURED, 20)
    forwards = recover_genes(MEASURED.task, wanted)
    np.testing.assert_array_equal(recover_genes(MEASURED.task, wanted[::-1])[::-1], forwards)


def test_each_sequence_of_layers_with_the_sum_is_as_likely() -> None:
    layers, rng = Layers.of((512, 1024, 2048, 3072)), np.random.default_rng(0)
    drawn = Counter(tuple(layers.draw(4608, luck)) for luck in rng.random((6000, 4)).tolist())
    sizes = (512, 1024, 2048, 3072)
    every = [p for p in product(range(4), repeat=3) if sum(sizes[i] for i in p) == 4608]
    assert set(drawn) == set(every)
    expected = 6000 / len(every)
    # Three standard deviations and a half of each count, for about ten counts.
    assert all(abs(count - expected) < 3.5 * expected**0.5 for count in drawn.values())


def test_a_sum_out_of_reach_becomes_the_nearest_one() -> None:
    wanted = features(MEASURED, 500)
    space = Hat()
    near = space.features(recover_genes(space.task, wanted), "help")
    np.testing.assert_array_equal(near[:, [0, 1, 4, 5, 9]], wanted[:, [0, 1, 4, 5, 9]])
    depth = wanted[:, 5]
    moved = (near[:, 6] - wanted[:, 6]) * depth
    inside = wanted[:, 6] >= 1024
    assert set(np.rint(np.abs(moved[inside]))) == {0, 512}
    # Half-way sums go up and down alike.
    assert abs(np.mean(moved[inside & (np.abs(moved) > 1)] > 0) - 0.5) < 0.12
    assert (near[~inside, 6] == 1024).all()
    assert first_unreachable(space.task, wanted) is not None


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, 600, "network 2: encoder embedding size 600 is not one of 512, 640"),
        (1, 5, "number of encoder layers 5 is not one of 6"),
        (4, 0, "decoder embedding size 0"),
        (5, 7, "number of decoder layers 7 is not one of 1, 2"),
        (5, 2.5, "number of decoder layers 2.5"),
    ],
)
def test_a_size_that_hat_has_not_is_refused(column: int, value: float, message: str) -> None:
    wanted = features(MEASURED, 3)
    wanted[1, column] = value
    with pytest.raises(BadArchitecture, match=message):
        recover_genes(MEASURED.task, wanted)
