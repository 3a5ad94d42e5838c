from __future__ import annotations

import numpy as np

from help_core.predictors.brp_nas.graphs import graphs_of
from help_core.spaces.base import sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.nasbench201.cell import CONV3, NONE, SKIP

GLOBAL, INPUT, OUTPUT = 0, 1, 8
FIRST_EDGE = 2


def links(*cell: int) -> np.ndarray:
    """Adjacency without the global node's row and the loops."""
    adjacency, _ = graphs_of(NasBench201(), np.array([cell]))
    plain: np.ndarray = adjacency[0] - np.eye(9)
    plain[GLOBAL] = 0
    return plain


def pairs(*cell: int) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for a, b in np.argwhere(links(*cell) > 0)}


def test_a_full_cell_has_the_links_of_its_edges() -> None:
    assert pairs(*[CONV3] * 6) == {
        (INPUT, 2),
        (INPUT, 3),
        (INPUT, 5),
        (2, 4),
        (2, 6),
        (3, 7),
        (4, 7),
        (5, OUTPUT),
        (6, OUTPUT),
        (7, OUTPUT),
    }


def test_a_skip_is_bypassed() -> None:
    # 0 -> 1 is a convolution, 1 -> 3 a skip, all else absent.
    assert pairs(CONV3, NONE, NONE, NONE, SKIP, NONE) == {(INPUT, 2), (2, OUTPUT)}


def test_what_leads_nowhere_is_cut_off_and_has_no_features() -> None:
    # The convolution into node 2 ends there.
    cell = (NONE, CONV3, NONE, CONV3, NONE, NONE)
    assert pairs(*cell) == {(INPUT, 5), (5, OUTPUT)}
    _, features = graphs_of(NasBench201(), np.array([cell]))
    assert features[0, 3].sum() == 0
    assert features[0, 5].sum() == 1


def test_a_cell_of_skips_alone_links_input_and_output() -> None:
    assert pairs(*[SKIP] * 6) == {(INPUT, OUTPUT)}


def test_the_global_node_looks_at_every_node_and_nobody_at_it() -> None:
    adjacency, features = graphs_of(NasBench201(), sample_genes(NasBench201(), 20, rng()))
    assert (adjacency[:, GLOBAL] == 1).all()
    assert (adjacency[:, 1:, GLOBAL] == 0).all()
    assert (features[:, GLOBAL, -1] == 1).all()


def test_other_spaces_are_chains_of_choices_with_their_place() -> None:
    space = FBNet()
    genes = sample_genes(space, 5, rng())
    adjacency, features = graphs_of(space, genes)
    assert adjacency.shape == (5, 25, 25)
    np.testing.assert_array_equal(features[:, 2:-1, :9].argmax(axis=2), genes)
    np.testing.assert_array_equal(features[0, 2:-1, 9:31], np.eye(22))
    assert adjacency[0, 1:, 1:].sum() == 24 + 23


def rng() -> np.random.Generator:
    return np.random.default_rng(0)
