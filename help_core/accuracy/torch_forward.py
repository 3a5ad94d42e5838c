"""An ONNX image network of this project as a differentiable torch function.

Knows the operators that the convolutional spaces emit. The agent's torch runtime has an
executor of its own: it is installed on boards without this module, and needs no gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

from help_core.errors import BadInput

Attributes = Mapping[str, Any]
Watch = Callable[[Tensor], None]


class TorchForward:
    """The network with its weights as leaves that take gradients."""

    def __init__(self, model: onnx.ModelProto, dtype: torch.dtype) -> None:
        """Raises ``BadInput`` naming an operator that it does not know."""
        self.constants: dict[str, Tensor] = {}
        for tensor in model.graph.initializer:
            value = torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
            self.constants[tensor.name] = value.to(dtype) if value.is_floating_point() else value
        self._nodes = [_node(node) for node in model.graph.node]
        self._input = model.graph.input[0].name
        self._output = model.graph.output[0].name

    @property
    def weights(self) -> list[Tensor]:
        """Matrices and kernels; biases aside."""
        return [one for one in self.constants.values() if one.is_floating_point() and one.ndim > 1]

    def __call__(self, image: Tensor, watch: Watch | None = None) -> Tensor:
        """The output; ``watch`` sees what goes into each rectifier or hard swish."""
        values: dict[str, Tensor] = {**self.constants, self._input: image}
        for kind, call, inputs, output in self._nodes:
            found = [values[name] for name in inputs]
            if watch is not None and kind in ACTIVATIONS:
                watch(found[0])
            values[output] = call(found)
        return values[self._output]


ACTIVATIONS = ("Relu", "HardSwish")
Call = Callable[[Sequence[Tensor]], Tensor]


def _node(node: onnx.NodeProto) -> tuple[str, Call, tuple[str, ...], str]:
    make = OPERATORS.get(node.op_type)
    if make is None:
        raise BadInput(
            f"proxies know image networks only, not the operator {node.op_type}; give another"
            " accuracy source"
        )
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    return node.op_type, make(attributes), tuple(node.input), node.output[0]


def _convolution(attributes: Attributes) -> Call:
    stride, groups = attributes["strides"][0], attributes["group"]
    padding = attributes["pads"][0]
    return lambda x: functional.conv2d(
        x[0], x[1], x[2] if len(x) > 2 else None, stride, padding, 1, groups
    )


def _average_pool(attributes: Attributes) -> Call:
    kernel, stride = attributes["kernel_shape"][0], attributes["strides"][0]
    padding = attributes["pads"][0]
    return lambda x: functional.avg_pool2d(x[0], kernel, stride, padding, False, False)


def _batch_norm(attributes: Attributes) -> Call:
    epsilon = attributes.get("epsilon", 1e-5)
    return lambda x: functional.batch_norm(x[0], x[3], x[4], x[1], x[2], False, 0.0, epsilon)


def _hard_sigmoid(attributes: Attributes) -> Call:
    alpha, beta = attributes["alpha"], attributes["beta"]
    return lambda x: torch.clamp(x[0] * alpha + beta, 0.0, 1.0)


OPERATORS: Mapping[str, Callable[[Attributes], Call]] = {
    "Add": lambda _: lambda x: x[0] + x[1],
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Conv": _convolution,
    "Flatten": lambda _: lambda x: torch.flatten(x[0], 1),
    "Gemm": lambda _: lambda x: functional.linear(x[0], x[1], x[2]),
    "GlobalAveragePool": lambda _: lambda x: x[0].mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda _: lambda x: functional.hardswish(x[0]),
    "Mul": lambda _: lambda x: x[0] * x[1],
    "Relu": lambda _: lambda x: torch.relu(x[0]),
    "Reshape": lambda _: lambda x: x[0].reshape(x[1].tolist()),
    "Transpose": lambda attributes: lambda x: x[0].permute(tuple(attributes["perm"])),
}
