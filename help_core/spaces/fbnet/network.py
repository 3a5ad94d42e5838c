"""The network of an FBNet architecture as ONNX.

Stem, 22 layers, a pointwise header, global average pooling and a classifier; ReLU after
every convolution but the last of a block (Wu et al., 2019, section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from help_core.graphs.builder import GraphBuilder
from help_core.spaces.base import BuildOptions
from help_core.spaces.fbnet.layers import (
    NAMES,
    OPERATIONS,
    STAGES,
    STEM_CHANNELS,
    Layer,
    Operation,
    Skeleton,
)


def build_network(
    genes: Sequence[int], skeleton: Skeleton, options: BuildOptions
) -> onnx.ModelProto:
    """Input ``[batch, 3, r, r]``, output ``[batch, classes]``."""
    graph = GraphBuilder("fbnet", options.precision, options.seed)
    size, batch = skeleton.resolution, options.batch_size
    value = graph.input("image", (batch, 3, size, size))
    value = graph.relu(graph.conv(value, 3, STEM_CHANNELS, 3, stride=skeleton.stem_stride))
    for layer, gene in zip(skeleton.layers(), genes, strict=True):
        operation = OPERATIONS[NAMES[gene]]
        if operation is None:
            value = _skip(graph, value, layer)
        else:
            value = _block(graph, value, layer, operation, batch)
    value = graph.relu(graph.conv(value, STAGES[-1][1], skeleton.header_channels, 1))
    value = graph.linear(graph.global_average(value), skeleton.header_channels, skeleton.classes)
    return graph.finish([(value, (batch, skeleton.classes))])


def _skip(graph: GraphBuilder, source: str, layer: Layer) -> str:
    if layer.keeps_shape:
        return source
    return graph.relu(graph.conv(source, layer.inside, layer.outside, 1, stride=layer.stride))


def _block(graph: GraphBuilder, source: str, layer: Layer, operation: Operation, batch: int) -> str:
    middle = layer.inside * operation.expansion
    value = graph.relu(graph.conv(source, layer.inside, middle, 1, groups=operation.groups))
    if operation.groups > 1:
        value = graph.channel_shuffle(
            value, (batch, middle, layer.size_in, layer.size_in), operation.groups
        )
    value = graph.conv(value, middle, middle, operation.kernel, stride=layer.stride, groups=middle)
    value = graph.conv(graph.relu(value), middle, layer.outside, 1, groups=operation.groups)
    return graph.add([value, source]) if layer.keeps_shape else value
