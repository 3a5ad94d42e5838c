"""Architectures drawn as graphs: nodes and edges with places, for a template to write as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from help_core.errors import BadInput, NotFound
from help_core.spaces import Architecture, get_space
from help_core.spaces.nasbench201.cell import EDGES, OPERATIONS, parse_cell
from help_core.spaces.ofa.genotype import parse_genes, stage_blocks

BOX_WIDTH, BOX_HEIGHT, GAP = 112, 44, 18
PER_ROW = 6
SHORT = {
    "none": "none",
    "skip_connect": "skip",
    "nor_conv_1x1": "conv 1×1",
    "nor_conv_3x3": "conv 3×3",
    "avg_pool_3x3": "pool 3×3",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A box with its centre."""

    x: float
    y: float
    lines: tuple[str, ...]
    kind: str
    width: float = BOX_WIDTH
    height: float = BOX_HEIGHT


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow along an SVG path, with a label at a point."""

    path: str
    label: str
    x: float
    y: float
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture with the words that say the same."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    words: str


def draw(text: str) -> Drawing | None:
    """The drawing of an architecture; ``None`` for spaces whose structure is not known here."""
    space_name = text.partition(":")[0]
    try:
        architecture = get_space(space_name).parse(text)
    except (BadInput, NotFound):
        return None
    if architecture.space.startswith("nasbench201"):
        return _cell(architecture)
    if architecture.space.startswith("ofa"):
        return _chain(_ofa_layers(architecture))
    if architecture.space.startswith("fbnet"):
        names = architecture.text.split("-")
        return _chain([(f"layer {number}", name) for number, name in enumerate(names, 1)])
    return None


# Where the four nodes of a cell stand.
_PLACES = ((60.0, 150.0), (250.0, 60.0), (440.0, 240.0), (630.0, 150.0))
_NODE_NAMES = ("input", "node 1", "node 2", "output")


def _cell(architecture: Architecture) -> Drawing:
    genes = parse_cell(architecture.text)
    radius = 34.0
    nodes = tuple(
        Node(x, y, (name,), "end" if index in (0, 3) else "middle", 2 * radius, 2 * radius)
        for index, ((x, y), name) in enumerate(zip(_PLACES, _NODE_NAMES, strict=True))
    )
    edges, words = [], []
    for gene, (source, target) in zip(genes, EDGES, strict=True):
        name = OPERATIONS[gene]
        (x1, y1), (x2, y2) = _PLACES[source], _PLACES[target]
        length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        start = (x1 + ux * radius, y1 + uy * radius)
        end = (x2 - ux * (radius + 7), y2 - uy * (radius + 7))
        # Off the middle where the edges input-output and node 1-node 2 cross.
        share = 0.3 if (source, target) in ((0, 3), (1, 2)) else 0.5
        at = (x1 + (x2 - x1) * share, y1 + (y2 - y1) * share)
        path = f"M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}"
        edges.append(Edge(path, SHORT[name], at[0], at[1], name))
        words.append(f"{_NODE_NAMES[source]} to {_NODE_NAMES[target]}: {SHORT[name]}")
    return Drawing(690, 300, nodes, tuple(edges), "; ".join(words))


def _ofa_layers(architecture: Architecture) -> list[tuple[str, str]]:
    layers = []
    for stage, blocks in enumerate(stage_blocks(parse_genes(architecture.text)), 1):
        for number, block in enumerate(blocks, 1):
            text = f"{block.kernel}×{block.kernel}, ×{block.expansion}"
            layers.append((f"stage {stage}.{number}", text))
    return layers


def _chain(layers: Sequence[tuple[str, str]]) -> Drawing:
    """Boxes from left to right, row under row."""
    nodes, edges = [], []
    step_x, step_y = BOX_WIDTH + GAP, BOX_HEIGHT + 2 * GAP
    for index, (name, operation) in enumerate(layers):
        row, column = divmod(index, PER_ROW)
        x = GAP + BOX_WIDTH / 2 + column * step_x
        y = GAP + BOX_HEIGHT / 2 + row * step_y
        kind = "skip" if operation == "skip" else "layer"
        nodes.append(Node(x, y, (name, operation), kind))
        if index:
            edges.append(_chain_edge(nodes[-2], nodes[-1]))
    width = GAP + min(len(layers), PER_ROW) * step_x
    height = GAP + -(-len(layers) // PER_ROW) * step_y
    words = "; ".join(f"{name}: {operation}" for name, operation in layers)
    return Drawing(width, height, tuple(nodes), tuple(edges), words)


def _chain_edge(before: Node, after: Node) -> Edge:
    half = BOX_WIDTH / 2
    if before.y == after.y:
        path = f"M{before.x + half:.1f} {before.y:.1f}H{after.x - half - 6:.1f}"
    else:
        middle = (before.y + after.y) / 2
        top, bottom = before.y + BOX_HEIGHT / 2, after.y - BOX_HEIGHT / 2 - 6
        path = f"M{before.x:.1f} {top:.1f}V{middle:.1f}H{after.x:.1f}V{bottom:.1f}"
    return Edge(path, "", 0, 0, "next")
