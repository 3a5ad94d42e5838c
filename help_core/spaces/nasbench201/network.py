"""The network of a NAS-Bench-201 cell as ONNX.

Stem, three stages of five cells with 16, 32 and 64 channels, a residual block with stride 2
between stages, global average pooling and a classifier (Dong & Yang, ICLR 2020, section 2).
"""

from __future__ import annotations

import numpy as np
import onnx

from help_core.graphs.builder import GraphBuilder
from help_core.spaces.base import BuildOptions
from help_core.spaces.nasbench201.cell import CONV1, CONV3, EDGES, NODES, POOL, live_edges
from help_core.spaces.nasbench201.costs import CELLS_PER_STAGE, CHANNELS, Skeleton


def build_network(
    genes: tuple[int, ...], skeleton: Skeleton, options: BuildOptions
) -> onnx.ModelProto:
    """Input ``[batch, 3, r, r]``, output ``[batch, classes]``."""
    graph = GraphBuilder("nasbench201", options.precision, options.seed)
    live = tuple(int(edge) for edge in live_edges(np.array([genes]))[0])
    size = skeleton.resolution
    value = graph.input("image", (options.batch_size, 3, size, size))
    value = graph.conv(value, 3, CHANNELS[0], 3)
    for stage, channels in enumerate(CHANNELS):
        if stage:
            value = _reduction(graph, value, CHANNELS[stage - 1], channels)
        for _ in range(CELLS_PER_STAGE):
            value = _cell(graph, value, channels, genes, live)
    value = graph.relu(_batch_norm(graph, value, CHANNELS[-1]))
    value = graph.linear(graph.global_average(value), CHANNELS[-1], skeleton.classes)
    return graph.finish([(value, (options.batch_size, skeleton.classes))])


def _cell(
    graph: GraphBuilder,
    source: str,
    channels: int,
    genes: tuple[int, ...],
    live: tuple[int, ...],
) -> str:
    """Edges that lead nowhere are absent, as they are once a runtime has optimised them."""
    if not any(live):
        # Nothing reaches the output, which is zero; the rest of the network still runs.
        return graph.node("Mul", [source, graph.constant(np.zeros(1, dtype=np.float32))])
    nodes = {0: source}
    rectified: dict[int, str] = {}
    for target in range(1, NODES):
        incoming: list[str] = []
        for edge, (start, end) in enumerate(EDGES):
            if end != target or not live[edge]:
                continue
            if genes[edge] in (CONV1, CONV3) and start not in rectified:
                rectified[start] = graph.relu(nodes[start])
            incoming.append(
                _operation(graph, genes[edge], nodes[start], rectified.get(start, ""), channels)
            )
        if incoming:
            nodes[target] = graph.add(incoming)
    return nodes[NODES - 1]


def _operation(
    graph: GraphBuilder, operation: int, source: str, rectified: str, channels: int
) -> str:
    if operation in (CONV1, CONV3):
        return graph.conv(rectified, channels, channels, 1 if operation == CONV1 else 3)
    if operation == POOL:
        return graph.average_pool(source, 3, stride=1, padding=1)
    return source


def _reduction(graph: GraphBuilder, source: str, inside: int, outside: int) -> str:
    value = graph.conv(graph.relu(source), inside, outside, 3, stride=2)
    value = graph.conv(graph.relu(value), outside, outside, 3)
    shortcut = graph.average_pool(source, 2, stride=2, padding=0)
    shortcut = graph.conv(shortcut, inside, outside, 1, bias=False)
    return graph.add([shortcut, value])


def _batch_norm(graph: GraphBuilder, source: str, channels: int) -> str:
    one, zero = np.ones(channels, dtype=np.float32), np.zeros(channels, dtype=np.float32)
    parameters = [graph.constant(value) for value in (one, zero, zero, one)]
    return graph.node("BatchNormalization", [source, *parameters])
