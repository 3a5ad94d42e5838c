"""An ONNX graph as a list of torch calls, for the operators that the search spaces emit.

Attributes are read once, when the graph is loaded; a run is a loop over prepared calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

Call = Callable[..., Any]
Attributes = Mapping[str, Any]
OUTPUTS = "number of outputs"
"""What some operators depend on besides their attributes; no ONNX attribute has such a name."""


@dataclass(frozen=True, slots=True)
class Step:
    """One node: its call, and the names of what it takes and gives."""

    call: Call
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class TorchGraph:
    """A loaded model; raises ``NotImplementedError`` naming an operator that it lacks."""

    def __init__(self, path: str, device: torch.device) -> None:
        graph = onnx.load(path).graph
        self._constants = {
            tensor.name: torch.from_numpy(np.array(numpy_helper.to_array(tensor))).to(device)
            for tensor in graph.initializer
        }
        self._outputs = [output.name for output in graph.output]
        self.steps = [_step(node) for node in graph.node]

    def run(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The outputs by name."""
        values: dict[str, Any] = {**self._constants, **inputs}
        for step in self.steps:
            found = step.call(*[values[name] if name else None for name in step.inputs])
            if len(step.outputs) == 1:
                values[step.outputs[0]] = found
            else:
                values.update(zip(step.outputs, found, strict=True))
        return {name: values[name] for name in self._outputs}


def _step(node: onnx.NodeProto) -> Step:
    make = OPERATORS.get(node.op_type)
    if make is None:
        raise NotImplementedError(f"the torch runtime has no operator {node.op_type}")
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    attributes[OUTPUTS] = len(node.output)
    return Step(make(attributes), tuple(node.input), tuple(node.output))


def _padding(attributes: Attributes) -> tuple[int, int]:
    pads = attributes.get("pads", [0, 0, 0, 0])
    if list(pads[:2]) != list(pads[2:]):
        raise NotImplementedError(f"the torch runtime pads both sides alike, not {list(pads)}")
    return pads[0], pads[1]


def _convolution(attributes: Attributes) -> Call:
    stride = tuple(attributes.get("strides", (1, 1)))
    dilation = tuple(attributes.get("dilations", (1, 1)))
    groups, padding = attributes.get("group", 1), _padding(attributes)

    def call(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> Any:
        return functional.conv2d(x, weight, bias, stride, padding, dilation, groups)

    return call


def _average_pool(attributes: Attributes) -> Call:
    kernel = tuple(attributes["kernel_shape"])
    stride = tuple(attributes.get("strides", (1, 1)))
    padding, count = _padding(attributes), bool(attributes.get("count_include_pad", 0))
    return lambda x: functional.avg_pool2d(x, kernel, stride, padding, False, count)


def _gemm(attributes: Attributes) -> Call:
    if not attributes.get("transB") or attributes.get("transA"):
        raise NotImplementedError("the torch runtime runs Gemm with transB=1, transA=0 alone")
    return lambda x, weight, bias=None: functional.linear(x, weight, bias)


def _layer_norm(attributes: Attributes) -> Call:
    epsilon = attributes.get("epsilon", 1e-5)
    return lambda x, weight, bias=None: functional.layer_norm(
        x, weight.shape, weight, bias, epsilon
    )


def _batch_norm(attributes: Attributes) -> Call:
    epsilon = attributes.get("epsilon", 1e-5)
    return lambda x, scale, bias, mean, var: functional.batch_norm(
        x, mean, var, scale, bias, False, 0.0, epsilon
    )


def _hard_sigmoid(attributes: Attributes) -> Call:
    alpha, beta = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    return lambda x: torch.clamp(x * alpha + beta, 0.0, 1.0)


def _reshape(_attributes: Attributes) -> Call:
    def call(x: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        # A zero in ONNX keeps the size of the input's axis.
        sizes = [size or x.shape[axis] for axis, size in enumerate(shape.tolist())]
        return x.reshape(sizes)

    return call


def _split(attributes: Attributes) -> Call:
    axis, parts = attributes.get("axis", 0), attributes[OUTPUTS]

    def call(x: torch.Tensor, sizes: torch.Tensor | None = None) -> Sequence[torch.Tensor]:
        if sizes is None:
            return torch.tensor_split(x, parts, dim=axis)
        return torch.split(x, sizes.tolist(), dim=axis)

    return call


def _gather(attributes: Attributes) -> Call:
    axis = attributes.get("axis", 0)

    def call(x: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        found = torch.index_select(x, axis, indices.reshape(-1).long())
        return found.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))

    return call


OPERATORS: Mapping[str, Callable[[Attributes], Call]] = {
    "Add": lambda _: torch.add,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Concat": lambda attributes: lambda *values: torch.cat(values, dim=attributes["axis"]),
    "Conv": _convolution,
    "Flatten": lambda attributes: lambda x: torch.flatten(x, attributes.get("axis", 1)),
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda _: lambda x: x.mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda _: functional.hardswish,
    "LayerNormalization": _layer_norm,
    "MatMul": lambda _: torch.matmul,
    "Mul": lambda _: torch.mul,
    "Relu": lambda _: torch.relu,
    "Reshape": _reshape,
    "Sigmoid": lambda _: torch.sigmoid,
    "Softmax": lambda attributes: lambda x: torch.softmax(x, attributes.get("axis", -1)),
    "Split": _split,
    "Transpose": lambda attributes: lambda x: x.permute(tuple(attributes["perm"])),
}
