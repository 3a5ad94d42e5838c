"""The networks once more, in torch, written from their definitions and not from the builders.

Each function takes an architecture's string and the weights of its ONNX model in the order of
the model's convolutions; a convolution of another shape than the definition asks for fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

Network = Callable[[Tensor], Tensor]


class Weights:
    """Hands out the weights of a model's convolutions and classifier, one after another."""

    def __init__(self, model: onnx.ModelProto) -> None:
        arrays = {
            tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
            for tensor in model.graph.initializer
        }
        self._left: Iterator[list[Tensor]] = iter(
            [
                [arrays[name] for name in node.input[1:]]
                for node in model.graph.node
                if node.op_type in {"Conv", "Gemm"}
            ]
        )

    def conv(
        self, inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> Network:
        weight, *bias = next(self._left)
        assert weight.shape == (outside, inside // groups, kernel, kernel)
        return lambda x: functional.conv2d(
            x, weight, bias[0] if bias else None, stride, kernel // 2, 1, groups
        )

    def linear(self, inside: int, outside: int) -> Network:
        weight, bias = next(self._left)
        assert weight.shape == (outside, inside)
        return lambda x: functional.linear(x, weight, bias)

    def assert_used_up(self) -> None:
        assert next(self._left, None) is None


def nasbench201(cell: str, weights: Weights, x: Tensor, classes: int) -> Tensor:
    nodes = [
        [edge.split("~")[0] for edge in node.strip("|").split("|")] for node in cell.split("+")
    ]
    x = weights.conv(3, 16, 3)(x)
    channels = 16
    for outside in (16, 32, 64):
        if outside != channels:
            x, channels = _residual_block(weights, x, channels, outside), outside
        for _ in range(5):
            x = _nasbench201_cell(nodes, weights, x, channels)
    x = functional.relu(x).mean(dim=(2, 3))
    return weights.linear(64, classes)(x)


def _residual_block(weights: Weights, x: Tensor, inside: int, outside: int) -> Tensor:
    y = weights.conv(inside, outside, 3, stride=2)(functional.relu(x))
    y = weights.conv(outside, outside, 3)(functional.relu(y))
    return y + weights.conv(inside, outside, 1)(functional.avg_pool2d(x, 2))


def _nasbench201_cell(nodes: list[list[str]], weights: Weights, x: Tensor, channels: int) -> Tensor:
    def fed(node: int) -> bool:
        return node == 0 or any(
            operation != "none" and fed(source) for source, operation in enumerate(nodes[node - 1])
        )

    def used(node: int) -> bool:
        return node == 3 or any(
            nodes[later - 1][node] != "none" and used(later) for later in range(node + 1, 4)
        )

    values = [x]
    for node, operations in enumerate(nodes, start=1):
        total = torch.zeros_like(x)
        for source, operation in enumerate(operations):
            value = values[source]
            if operation == "skip_connect":
                total = total + value
            elif operation == "avg_pool_3x3":
                total = total + functional.avg_pool2d(
                    value, 3, stride=1, padding=1, count_include_pad=False
                )
            elif operation != "none" and fed(source) and used(node):
                kernel = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[operation]
                total = total + weights.conv(channels, channels, kernel)(functional.relu(value))
        values.append(total)
    return values[-1]


def fbnet(operations: str, weights: Weights, x: Tensor, strides: list[int], classes: int) -> Tensor:
    stem_stride, *stage_strides = strides
    x = functional.relu(weights.conv(3, 16, 3, stride=stem_stride)(x))
    names = iter(operations.split("-"))
    inside = 16
    for layers, outside, first in zip(
        (1, 4, 4, 4, 4, 4, 1), (16, 24, 32, 64, 112, 184, 352), stage_strides, strict=True
    ):
        for layer in range(layers):
            stride = 1 if layer else first
            x = _fbnet_layer(next(names), weights, x, inside, outside, stride)
            inside = outside
    x = functional.relu(weights.conv(352, 1504, 1)(x)).mean(dim=(2, 3))
    return weights.linear(1504, classes)(x)


def _fbnet_layer(
    name: str, weights: Weights, x: Tensor, inside: int, outside: int, stride: int
) -> Tensor:
    same = stride == 1 and inside == outside
    if name == "skip":
        return x if same else functional.relu(weights.conv(inside, outside, 1, stride)(x))
    kernel, expansion = int(name[1]), int(name[4])
    groups = 2 if name.endswith("_g2") else 1
    middle = inside * expansion
    y = functional.relu(weights.conv(inside, middle, 1, groups=groups)(x))
    if groups == 2:
        y = functional.channel_shuffle(y, 2)
    y = functional.relu(weights.conv(middle, middle, kernel, stride, middle)(y))
    y = weights.conv(middle, outside, 1, groups=groups)(y)
    return x + y if same else y


def ofa(
    config: dict[str, list[list[int]]], weights: Weights, x: Tensor, channels: list[int]
) -> Tensor:
    """``config`` lists kernels and expansions per stage; ``channels`` the ten widths."""
    stem, first, *widths, header, mix = channels
    x = functional.hardswish(weights.conv(3, stem, 3, stride=2)(x))
    y = functional.relu(weights.conv(stem, stem, 3, groups=stem)(x))
    y = weights.conv(stem, first, 1)(y)
    x = x + y if stem == first else y
    inside = first
    for stage, outside in enumerate(widths):
        for layer, (kernel, expansion) in enumerate(
            zip(config["ks"][stage], config["e"][stage], strict=True)
        ):
            stride = 2 if layer == 0 and stage != 3 else 1
            y = _mobile_block(weights, x, inside, outside, kernel, expansion, stride, stage)
            x = x + y if y.shape == x.shape else y
            inside = outside
    x = functional.hardswish(weights.conv(inside, header, 1)(x)).mean(dim=(2, 3), keepdim=True)
    x = functional.hardswish(weights.conv(header, mix, 1)(x)).flatten(1)
    return weights.linear(mix, 1000)(x)


def _mobile_block(
    weights: Weights,
    x: Tensor,
    inside: int,
    outside: int,
    kernel: int,
    expansion: int,
    stride: int,
    stage: int,
) -> Tensor:
    activation = functional.hardswish if stage >= 2 else functional.relu
    middle = _to_eight(inside * expansion)
    y = activation(weights.conv(inside, middle, 1)(x))
    y = activation(weights.conv(middle, middle, kernel, stride, middle)(y))
    if stage in {1, 3, 4}:
        hidden = _to_eight(middle // 4)
        gate = functional.relu(weights.conv(middle, hidden, 1)(y.mean(dim=(2, 3), keepdim=True)))
        y = y * functional.hardsigmoid(weights.conv(hidden, middle, 1)(gate))
    return weights.conv(middle, outside, 1)(y)


def _to_eight(value: float) -> int:
    near = max(8, 8 * ((int(value) + 4) // 8))
    return near if near >= 0.9 * value else near + 8
