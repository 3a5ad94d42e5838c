import numpy as np
import pytest
import torch

from help_core.accuracy.cell_network import scores, weight_shapes
from help_core.accuracy.isomorphism import cell_signatures
from help_core.arrays import FloatArray
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.nasbench201.cell import EDGES, NONE, SKIP

GENES = NasBench201().all_genes()


@pytest.fixture(scope="module")
def weights() -> dict[str, FloatArray]:
    rng = np.random.default_rng(0)
    shapes = weight_shapes(width=6, hidden=8, outputs=3)
    return {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}


def silu(value: FloatArray) -> FloatArray:
    return np.asarray(value / (1 + np.exp(-value)))


def score_by_hand(weights: dict[str, FloatArray], cell: list[int]) -> FloatArray:
    """One cell, node by node, as the module's text says it."""
    nodes = [weights["input"], *(np.zeros(6) for _ in range(3))]
    for gene, (source, target) in zip(cell, EDGES, strict=True):
        before = nodes[source]
        if gene == SKIP:
            nodes[target] = nodes[target] + before
        elif gene != NONE and before.any():
            hidden = silu(
                before @ weights["edge_in"][gene - 2] + weights["edge_in_bias"][gene - 2][0]
            )
            after = hidden @ weights["edge_out"][gene - 2] + weights["edge_out_bias"][gene - 2][0]
            nodes[target] = nodes[target] + after
    layer = silu(nodes[3] @ weights["read_1"] + weights["read_1_bias"])
    layer = silu(layer @ weights["read_2"] + weights["read_2_bias"])
    return np.asarray(layer @ weights["score"] + weights["score_bias"])


def test_looked_up_edges_give_what_computing_the_cell_gives(
    weights: dict[str, FloatArray],
) -> None:
    chosen = GENES[np.random.default_rng(1).permutation(len(GENES))[:300]]
    by_hand = [score_by_hand(weights, cell) for cell in chosen.tolist()]
    np.testing.assert_allclose(scores(weights, chosen, np), by_hand, rtol=1e-9, atol=1e-9)


def test_numpy_and_torch_compute_the_same(weights: dict[str, FloatArray]) -> None:
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    with_torch = scores(tensors, torch.from_numpy(GENES), torch).numpy()
    np.testing.assert_allclose(scores(weights, GENES, np), with_torch, rtol=1e-9, atol=1e-9)


def test_cells_score_the_same_exactly_when_they_compute_the_same(
    weights: dict[str, FloatArray],
) -> None:
    score = np.round(scores(weights, GENES, np)[:, 0], 9)
    classes = np.unique(cell_signatures(GENES), return_inverse=True)[1]
    pairs = np.unique(np.column_stack([score, classes]), axis=0)
    assert len(pairs) == len(np.unique(score)) == classes.max() + 1
