"""The shared-state form against the nine-node graph that it stands for."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from help_core.predictors.help.cells import KINDS, CellEncoder
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.nasbench201.cell import EDGES, NODES


def nine_node_encoding(encoder: CellEncoder, genes: torch.Tensor) -> torch.Tensor:
    count = len(EDGES) + 3
    messages = torch.eye(count)
    messages[-1] = 1
    for edge, (source, target) in enumerate(EDGES, start=1):
        messages[edge, 0] += source == 0
        messages[count - 2, edge] += target == NODES - 1
        for later, (start, _) in enumerate(EDGES, start=1):
            messages[later, edge] += start == target
    kinds = torch.cat(
        [
            torch.zeros(len(genes), 1, dtype=torch.int64),
            genes + 1,
            torch.tensor([[KINDS - 2, KINDS - 1]]).expand(len(genes), 2),
        ],
        dim=1,
    )
    nodes = functional.one_hot(kinds, KINDS).float()
    for layer in (encoder.first, encoder.second, encoder.third, encoder.last):
        nodes = torch.relu(messages @ (nodes @ layer.weight) + layer.bias)
    return nodes[:, -1]


def test_shared_states_give_what_the_whole_graph_gives() -> None:
    torch.manual_seed(0)
    encoder = CellEncoder(12)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_(std=0.5)
    space = NasBench201()
    genes = space.all_genes()[np.random.default_rng(0).permutation(15_625)[:400]]
    features = torch.tensor(space.features(genes, "help"), dtype=torch.float32)
    torch.testing.assert_close(
        encoder(features), nine_node_encoding(encoder, torch.tensor(genes)), rtol=1e-4, atol=1e-4
    )
