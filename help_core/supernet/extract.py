"""The layers of one subnet, cut from a supernet's weights in the order of the forward pass.

What once-for-all does to get a subnet (Cai et al., ICLR 2020, section 3.3; release
``elastic_nn``): the first layers of a stage, the first channels of a layer (training has
sorted them by importance), and of a depthwise kernel its centre, which a learned 25 x 25 or
9 x 9 matrix transforms, 7 -> 5 -> 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from help_core.arrays import AnyArray
from help_core.errors import BadCheckpoint
from help_core.spaces.ofa.genotype import Block, stage_blocks
from help_core.spaces.ofa.layers import (
    KERNELS,
    LAYERS_PER_STAGE,
    Skeleton,
    StageShape,
    make_divisible,
)
from help_core.supernet.checkpoint import Supernet

EPSILON = 1e-5
"""Of the batch norms of once-for-all's MobileNetV3 supernets."""


@dataclass(frozen=True, slots=True)
class Norm:
    """A batch norm; each ``[channels]``."""

    scale: AnyArray
    shift: AnyArray
    mean: AnyArray
    variance: AnyArray


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution ``[out, in/groups, k, k]`` or a linear layer ``[out, in]`` with what follows.

    Either a batch norm or a bias ``[out]`` or neither.
    """

    name: str
    weight: AnyArray
    norm: Norm | None = None
    bias: AnyArray | None = None

    def folded(self) -> tuple[AnyArray, AnyArray | None]:
        """Weight and bias with the batch norm worked in."""
        if self.norm is None:
            return self.weight, self.bias
        factor = self.norm.scale / np.sqrt(self.norm.variance + EPSILON)
        weight = self.weight * factor[:, None, None, None]
        return weight, self.norm.shift - self.norm.mean * factor

    def with_statistics(self, mean: AnyArray, variance: AnyArray) -> Layer:
        """The layer with re-calibrated statistics of its batch norm."""
        if self.norm is None:
            raise BadCheckpoint(f"layer {self.name} has no batch norm to calibrate")
        return replace(self, norm=replace(self.norm, mean=mean, variance=variance))


def extract_layers(
    supernet: Supernet, genes: Sequence[int], skeleton: Skeleton
) -> tuple[Layer, ...]:
    """The subnet of one genotype; raises ``BadCheckpoint`` for weights that do not fit."""
    stem, first = skeleton.stem, skeleton.first
    layers = [
        _normed(supernet, "first_conv", (stem, 3, 3, 3)),
        _normed(supernet, "blocks.0.depth_conv", (stem, 1, 3, 3)),
        _normed(supernet, "blocks.0.point_linear", (first, stem, 1, 1)),
    ]
    stages = zip(skeleton.stages(), stage_blocks(genes), strict=True)
    for number, (stage, blocks) in enumerate(stages):
        for position, block in enumerate(blocks):
            index = 1 + number * LAYERS_PER_STAGE + position
            layers += _block(supernet, f"blocks.{index}", stage, position, block)
    last = skeleton.stages()[-1].outside
    header, mix = skeleton.header, skeleton.mix
    mixing = supernet.part("feature_mix_layer.conv.weight", mix, header, 1, 1)
    head = "classifier.linear"
    layers += [
        _normed(supernet, "final_expand_layer", (header, last, 1, 1)),
        Layer("feature_mix_layer", mixing),
        Layer(
            "classifier",
            supernet.part(f"{head}.weight", supernet.classes, mix),
            bias=supernet.array(f"{head}.bias"),
        ),
    ]
    return tuple(layers)


def _block(
    supernet: Supernet, name: str, stage: StageShape, position: int, block: Block
) -> Iterator[Layer]:
    inside = stage.outside if position else stage.inside
    middle = make_divisible(inside * block.expansion)
    yield _normed(supernet, f"{name}.inverted_bottleneck", (middle, inside, 1, 1))
    depthwise = f"{name}.depth_conv"
    weight = _kernel(supernet, f"{depthwise}.conv", middle, block.kernel)
    yield Layer(depthwise, weight, norm=_norm(supernet, depthwise, middle))
    if stage.squeeze:
        hidden = make_divisible(middle // 4)
        yield _biased(supernet, f"{depthwise}.se.fc.reduce", (hidden, middle, 1, 1))
        yield _biased(supernet, f"{depthwise}.se.fc.expand", (middle, hidden, 1, 1))
    yield _normed(supernet, f"{name}.point_linear", (stage.outside, middle, 1, 1))


def _kernel(supernet: Supernet, name: str, channels: int, kernel: int) -> AnyArray:
    """``[channels, 1, kernel, kernel]`` of a depthwise convolution of the largest kernel."""
    largest = max(KERNELS)
    weight = supernet.part(f"{name}.weight", channels, 1, largest, largest)
    for wide, narrow in zip(KERNELS[::-1], KERNELS[-2::-1], strict=False):
        if wide == kernel:
            break
        cut = (wide - narrow) // 2
        centre = weight[:, :, cut : cut + narrow, cut : cut + narrow]
        matrix = supernet.part(f"{name}.{wide}to{narrow}_matrix", narrow**2, narrow**2)
        weight = (centre.reshape(channels, -1) @ matrix.T).reshape(centre.shape)
    return weight


def _norm(supernet: Supernet, name: str, channels: int) -> Norm:
    parts = ("weight", "bias", "running_mean", "running_var")
    return Norm(*(supernet.part(f"{name}.bn.{part}", channels) for part in parts))


def _normed(supernet: Supernet, name: str, shape: tuple[int, int, int, int]) -> Layer:
    weight = supernet.part(f"{name}.conv.weight", *shape)
    return Layer(name, weight, norm=_norm(supernet, name, shape[0]))


def _biased(supernet: Supernet, name: str, shape: tuple[int, int, int, int]) -> Layer:
    weight = supernet.part(f"{name}.weight", *shape)
    return Layer(name, weight, bias=supernet.part(f"{name}.bias", shape[0]))
