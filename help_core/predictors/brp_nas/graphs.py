"""Architectures as graphs for a GCN: adjacency and node features.

NAS-Bench-201 as BRP-NAS published it (Dudziak et al., NeurIPS 2020, section 3 and its code):
nodes are operations, skips are bypassed, what no longer connects input and output is cut
off, and a global node looks at all others. Node 0 is the global one, 1 the input, the last
the output.

Other spaces had no graph there. Here they are chains: a node per gene of the canonical
genotype, in order, with its choice and its place as features, since a layer's place decides
its width and resolution, and the same global node.
"""

from __future__ import annotations

import numpy as np

from help_core.arrays import BoolArray, FloatArray, IntArray
from help_core.spaces.base import GeneSpace
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.nasbench201.cell import EDGES, NODES, NONE, OPERATIONS, SKIP

Graphs = tuple[FloatArray, FloatArray]
"""Adjacency ``[n, nodes, nodes]``, row by row what a node looks at, and features
``[n, nodes, width]``."""

CELL_NODES = len(EDGES) + 2
WORKING = [choice for choice in range(len(OPERATIONS)) if choice not in (NONE, SKIP)]


def graphs_of(space: GeneSpace, genes: IntArray) -> Graphs:
    """The graphs of genotypes ``[n, genes]``."""
    if isinstance(space, NasBench201):
        return _cell_graphs(genes)
    return _chain_graphs(space.canonical(genes), space.gene_choices)


def _cell_graphs(genes: IntArray) -> Graphs:
    links = np.broadcast_to(_all_links(), (len(genes), CELL_NODES, CELL_NODES)).copy()
    for edge in range(len(EDGES)):
        node = edge + 1
        skipped = (genes[:, edge] == SKIP)[:, None, None]
        links |= skipped & links[:, :, node, None] & links[:, None, node, :]
        gone = np.isin(genes[:, edge], (NONE, SKIP))
        links[gone, node, :] = False
        links[gone, :, node] = False
    kept = _between_ends(links)
    links &= kept[:, :, None] & kept[:, None, :]
    hot = (genes[:, :, None] == np.array(WORKING)) & kept[:, 1:-1, None]
    features = np.zeros((len(genes), CELL_NODES + 1, len(WORKING) + 3))
    features[:, 2:-1, : len(WORKING)] = hot
    return _with_global_node(links, features)


def _all_links() -> BoolArray:
    """Links between the input, the six operations and the output of a full cell."""
    links = np.zeros((CELL_NODES, CELL_NODES), dtype=np.bool_)
    for first, (source, target) in enumerate(EDGES, start=1):
        links[0, first] = source == 0
        links[first, -1] = target == NODES - 1
        for second, (other_source, _) in enumerate(EDGES, start=1):
            links[first, second] = target == other_source
    return links


def _between_ends(links: BoolArray) -> BoolArray:
    """Which nodes lie on a way from the first to the last, ``[n, nodes]``."""
    reach = links | np.eye(links.shape[1], dtype=np.bool_)
    for _ in range(int(np.ceil(np.log2(links.shape[1])))):
        reach = np.matmul(reach, reach)
    between: BoolArray = reach[:, 0, :] & reach[:, :, -1]
    return between


def _chain_graphs(genes: IntArray, choices: tuple[int, ...]) -> Graphs:
    count, length = genes.shape
    links = np.zeros((count, length + 2, length + 2), dtype=np.bool_)
    links[:, np.arange(length + 1), np.arange(1, length + 2)] = True
    features = np.zeros((count, length + 3, max(choices) + length + 3))
    place = np.arange(length)
    features[np.arange(count)[:, None], 2 + place, genes] = 1
    features[:, 2 + place, max(choices) + place] = 1
    return _with_global_node(links, features)


def _with_global_node(links: BoolArray, features: FloatArray) -> Graphs:
    """Adds the global node and loops; the last three features tell the ends and it apart."""
    count, nodes, _ = links.shape
    adjacency = np.zeros((count, nodes + 1, nodes + 1))
    adjacency[:, 1:, 1:] = links
    adjacency[:, 0, :] = 1
    adjacency[:, np.arange(nodes + 1), np.arange(nodes + 1)] = 1
    features[:, 1, -3] = features[:, -1, -2] = features[:, 0, -1] = 1
    return adjacency, features
