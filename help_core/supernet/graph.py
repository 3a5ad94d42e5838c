"""A subnet's layers as ONNX, by the same network description that latency is measured with.

Two forms: with batch norms folded into the convolutions, to be run; and with batch norms that
normalise by the statistics of their own batch and give these out, to re-calibrate a subnet.
once-for-all re-calibrates because a subnet's activations have other statistics than the
supernet's (``set_running_statistics`` of its release).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from help_core.errors import BadCheckpoint
from help_core.graphs.builder import GraphBuilder
from help_core.spaces.ofa.layers import Skeleton
from help_core.spaces.ofa.network import network_output, resolution_of
from help_core.supernet.extract import EPSILON, Layer


class TrainedBuilder(GraphBuilder):
    """Takes the weights of each convolution and linear layer from a list, in order."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__("ofa", "fp32", seed=0)
        self._layers = iter(layers)

    def conv(
        self,
        source: str,
        inside: int,
        outside: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> str:
        """The next layer, whose weight must have the shape that the network asks for."""
        layer = self._next((outside, inside // groups, kernel, kernel))
        return self._convolve(source, layer, kernel, stride, groups)

    def linear(self, source: str, inside: int, outside: int) -> str:
        """The next layer on ``[batch, inside]``."""
        layer = self._next((outside, inside))
        inputs = [source, self.constant(layer.weight)]
        if layer.bias is not None:
            inputs.append(self.constant(layer.bias))
        return self.node("Gemm", inputs, transB=1)

    def _convolve(self, source: str, layer: Layer, kernel: int, stride: int, groups: int) -> str:
        weight, bias = layer.folded()
        inputs = [source, self.constant(weight)]
        if bias is not None:
            inputs.append(self.constant(bias))
        return self._convolution(inputs, kernel, stride, groups)

    def _convolution(self, inputs: Sequence[str], kernel: int, stride: int, groups: int) -> str:
        return self.node(
            "Conv",
            inputs,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=groups,
        )

    def _next(self, shape: tuple[int, ...]) -> Layer:
        layer = next(self._layers, None)
        if layer is None or layer.weight.shape != shape:
            found = "none left" if layer is None else f"{layer.name} {layer.weight.shape}"
            raise BadCheckpoint(f"the network needs a layer of shape {shape}, found {found}")
        return layer


class CalibrationBuilder(TrainedBuilder):
    """Batch norms by the statistics of the batch, which become outputs of the model."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__(layers)
        self.statistics: list[tuple[str, tuple[int, ...]]] = []
        """Mean and variance of each batch norm in turn, ``[1, channels, 1, 1]``."""

    def _convolve(self, source: str, layer: Layer, kernel: int, stride: int, groups: int) -> str:
        if layer.norm is None:
            return super()._convolve(source, layer, kernel, stride, groups)
        inputs = [source, self.constant(layer.weight)]
        value = self._convolution(inputs, kernel, stride, groups)
        mean = self.node("ReduceMean", [value], axes=[0, 2, 3], keepdims=1)
        centred = self.node("Sub", [value, mean])
        squares = self.node("Mul", [centred, centred])
        variance = self.node("ReduceMean", [squares], axes=[0, 2, 3], keepdims=1)
        shape = (1, len(layer.norm.scale), 1, 1)
        self.statistics += [(mean, shape), (variance, shape)]
        floor = self.constant(np.array([EPSILON], dtype=np.float32))
        deviation = self.node("Sqrt", [self.node("Add", [variance, floor])])
        unit = self.node("Div", [centred, deviation])
        scale = self.constant(layer.norm.scale.reshape(shape))
        shift = self.constant(layer.norm.shift.reshape(shape))
        return self.node("Add", [self.node("Mul", [unit, scale]), shift])


def build_trained(
    layers: Sequence[Layer], genes: Sequence[int], skeleton: Skeleton, batch: int
) -> onnx.ModelProto:
    """Input ``image [batch, 3, r, r]``, output ``[batch, classes]``."""
    graph = TrainedBuilder(layers)
    classes = len(layers[-1].weight)
    output = _run_through(graph, genes, skeleton, batch, classes)
    return graph.finish([(output, (batch, classes))])


def build_calibration(
    layers: Sequence[Layer], genes: Sequence[int], skeleton: Skeleton, batch: int
) -> onnx.ModelProto:
    """Input ``image [batch, 3, r, r]``; outputs mean and variance of each batch norm in turn."""
    graph = CalibrationBuilder(layers)
    _run_through(graph, genes, skeleton, batch, len(layers[-1].weight))
    return graph.finish(graph.statistics)


def _run_through(
    graph: TrainedBuilder, genes: Sequence[int], skeleton: Skeleton, batch: int, classes: int
) -> str:
    size = resolution_of(genes)
    image = graph.input("image", (batch, 3, size, size))
    return network_output(graph, image, genes, skeleton, classes)
