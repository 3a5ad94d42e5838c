"""The cell: its six edges, its string, and which of its edges carry anything.

A genotype is six operation indices in the order of the string: edge 0 goes from node 0 to
node 1, edges 1-2 into node 2, edges 3-5 into node 3.
"""

from __future__ import annotations

import re

import numpy as np

from help_core.arrays import IntArray
from help_core.errors import BadArchitecture

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV1, CONV3, POOL = range(len(OPERATIONS))

EDGES: tuple[tuple[int, int], ...] = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source node, target node) of each gene."""

NODES = 4
_EDGE_TEXT = re.compile(r"([a-z0-9_]+)~([0-9]+)")


def format_cell(genes: tuple[int, ...]) -> str:
    """The NAS-Bench-201 string of a genotype, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
    nodes: list[str] = []
    for target in range(1, NODES):
        parts = [
            f"{OPERATIONS[gene]}~{source}"
            for gene, (source, end) in zip(genes, EDGES, strict=True)
            if end == target
        ]
        nodes.append("|" + "|".join(parts) + "|")
    return "+".join(nodes)


def parse_cell(text: str) -> tuple[int, ...]:
    """The genotype of a NAS-Bench-201 string; raises ``BadArchitecture``."""
    nodes = text.split("+")
    if len(nodes) != NODES - 1:
        raise BadArchitecture(
            f"NAS-Bench-201 cell {text[:120]!r} has {len(nodes)} nodes joined by '+', not 3"
        )
    genes: list[int] = []
    for target, node in enumerate(nodes, start=1):
        genes += _parse_node(node, target)
    return tuple(genes)


def _parse_node(node: str, target: int) -> list[int]:
    edges = node.strip("|").split("|") if node.startswith("|") and node.endswith("|") else []
    if len(edges) != target or node != "|" + "|".join(edges) + "|":
        raise BadArchitecture(
            f"node {target} is {node[:120]!r}; it needs {target} edge(s) written |op~0|…|"
        )
    genes: list[int] = []
    for source, edge in enumerate(edges):
        match = _EDGE_TEXT.fullmatch(edge)
        if match is None or match[1] not in OPERATIONS:
            raise BadArchitecture(
                f"node {target}, edge {edge[:60]!r}: the operation must be one of "
                + ", ".join(OPERATIONS)
            )
        if int(match[2][:9]) != source or len(match[2]) > 1:
            raise BadArchitecture(f"node {target}, edge {edge[:60]!r}: it must come from ~{source}")
        genes.append(OPERATIONS.index(match[1]))
    return genes


def live_edges(genes: IntArray) -> IntArray:
    """1 where an edge lies on a path from input to output, 0 elsewhere; ``[n, 6]``.

    An edge that nothing flows into, or that leads nowhere, is what a graph optimiser
    removes; ``none`` is never live.
    """
    present = genes != NONE
    reached = np.zeros((len(genes), NODES), dtype=bool)
    reached[:, 0] = True
    for edge, (source, target) in enumerate(EDGES):
        reached[:, target] |= reached[:, source] & present[:, edge]
    live = useful_edges(genes)
    for edge, (source, _) in enumerate(EDGES):
        live[:, edge] &= reached[:, source]
    return live


def useful_edges(genes: IntArray) -> IntArray:
    """1 where an edge leads to the output, even if nothing but zeros flows; ``[n, 6]``."""
    present = genes != NONE
    useful = np.zeros((len(genes), NODES), dtype=bool)
    useful[:, NODES - 1] = True
    for edge, (source, target) in reversed(list(enumerate(EDGES))):
        useful[:, source] |= useful[:, target] & present[:, edge]
    edges = np.empty((len(genes), len(EDGES)), dtype=np.int64)
    for edge, (_, target) in enumerate(EDGES):
        edges[:, edge] = present[:, edge] & useful[:, target]
    return edges
