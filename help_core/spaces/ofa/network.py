"""The network of an OFA-MobileNetV3 architecture as ONNX.

Hard swish is the operator HardSwish (opset 14), which is what torch exports ``Hardswish`` to;
a runtime without a kernel for it expands it to ``x * HardSigmoid(x)``. once-for-all spells it
``x * relu6(x + 3) / 6``, four operators that most runtimes do not fuse again.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from help_core.graphs.builder import GraphBuilder
from help_core.spaces.base import BuildOptions
from help_core.spaces.ofa.genotype import RESOLUTION, Block, stage_blocks
from help_core.spaces.ofa.layers import (
    CLASSES,
    RESOLUTIONS,
    Skeleton,
    StageShape,
    make_divisible,
)


def build_network(
    genes: Sequence[int], skeleton: Skeleton, options: BuildOptions
) -> onnx.ModelProto:
    """Input ``[batch, 3, r, r]``, output ``[batch, 1000]``."""
    graph = GraphBuilder("ofa", options.precision, options.seed)
    size = resolution_of(genes)
    value = graph.input("image", (options.batch_size, 3, size, size))
    value = network_output(graph, value, genes, skeleton, CLASSES)
    return graph.finish([(value, (options.batch_size, CLASSES))])


def resolution_of(genes: Sequence[int]) -> int:
    """Pixels on a side of the image."""
    return RESOLUTIONS[genes[RESOLUTION]]


def network_output(
    graph: GraphBuilder, image: str, genes: Sequence[int], skeleton: Skeleton, classes: int
) -> str:
    """The nodes of the network on ``image``; names its output ``[batch, classes]``.

    Convolutions and the classifier are asked for in the order of the forward pass.
    """
    value = graph.hard_swish(graph.conv(image, 3, skeleton.stem, 3, stride=2))
    value = _first_block(graph, value, skeleton)
    for stage, blocks in zip(skeleton.stages(), stage_blocks(genes), strict=True):
        for position, block in enumerate(blocks):
            value = _block(graph, value, stage, position, block)
    last = skeleton.stages()[-1].outside
    value = graph.hard_swish(graph.conv(value, last, skeleton.header, 1))
    value = graph.squeeze(value)
    value = graph.conv(value, skeleton.header, skeleton.mix, 1, bias=False)
    value = graph.flatten(graph.hard_swish(value))
    return graph.linear(value, skeleton.mix, classes)


def _first_block(graph: GraphBuilder, source: str, skeleton: Skeleton) -> str:
    stem, first = skeleton.stem, skeleton.first
    value = graph.relu(graph.conv(source, stem, stem, 3, groups=stem))
    value = graph.conv(value, stem, first, 1)
    return graph.add([value, source]) if stem == first else value


def _block(graph: GraphBuilder, source: str, stage: StageShape, position: int, block: Block) -> str:
    activation = graph.hard_swish if stage.swish else graph.relu
    inside = stage.outside if position else stage.inside
    stride = 1 if position else stage.stride
    middle = make_divisible(inside * block.expansion)
    value = activation(graph.conv(source, inside, middle, 1))
    value = graph.conv(value, middle, middle, block.kernel, stride=stride, groups=middle)
    value = activation(value)
    if stage.squeeze:
        value = _squeeze_excite(graph, value, middle)
    value = graph.conv(value, middle, stage.outside, 1)
    return graph.add([value, source]) if stride == 1 and inside == stage.outside else value


def _squeeze_excite(graph: GraphBuilder, source: str, channels: int) -> str:
    hidden = make_divisible(channels // 4)
    value = graph.squeeze(source)
    value = graph.relu(graph.conv(value, channels, hidden, 1))
    value = graph.hard_sigmoid(graph.conv(value, hidden, channels, 1))
    return graph.multiply(source, value)
