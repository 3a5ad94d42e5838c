"""Static int8 quantisation of a graph, written as QuantizeLinear/DequantizeLinear pairs.

The form that onnxruntime, TensorRT, QNN and OpenVINO take: weights symmetric int8 with one
scale per output channel, biases int32, activations uint8 with one scale per tensor. A runtime
replaces ``DequantizeLinear -> Conv -> QuantizeLinear`` by its integer kernel. Operators that
have no integer kernel (hard swish, layer norm, embeddings) stay in float between pairs.

Scales come from the expected mean square of each value, not from data: the weights are random
anyway, and scales change no latency.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from help_core.arrays import AnyArray

WEIGHTED = frozenset({"Conv", "Gemm"})
"""Operators whose second input is a weight ``[outputs, …]`` and whose third is a bias."""

PASS_THROUGH = frozenset({"Reshape", "Transpose", "Flatten"})
"""Operators that move bytes: their output keeps their input's scale."""

INTEGER = (
    WEIGHTED
    | PASS_THROUGH
    | frozenset({"Add", "Mul", "MatMul", "AveragePool", "GlobalAveragePool"})
)
"""Operators that onnxruntime's CPU provider runs on integers."""

UNSIGNED = frozenset({"Relu", "HardSigmoid", "Softmax"})
"""Operators whose output is never below zero."""

_RANGE = 4.0
"""Standard deviations that the 8 bits span on each side; the rest saturates."""


def quantise(
    nodes: Sequence[onnx.NodeProto], arrays: Mapping[str, AnyArray], power: Mapping[str, float]
) -> tuple[list[onnx.NodeProto], dict[str, AnyArray]]:
    """The nodes and initializers of the quantised graph.

    ``arrays`` are the float graph's initializers by name and ``power`` the expected mean
    square of its values (one where absent). Inputs and outputs stay float. Every value that an
    operator of ``INTEGER`` computes with must be float in the given graph.
    """
    writer = _Writer(nodes, arrays, power)
    for node in nodes:
        writer.write(node)
    return writer.nodes, writer.arrays


def _data_inputs(node: onnx.NodeProto) -> Sequence[str]:
    """The inputs that carry values, not weights or shapes."""
    return node.input[:1] if node.op_type in WEIGHTED | PASS_THROUGH else node.input


class _Writer:
    def __init__(
        self,
        nodes: Sequence[onnx.NodeProto],
        arrays: Mapping[str, AnyArray],
        power: Mapping[str, float],
    ) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.arrays: dict[str, AnyArray] = {}
        self._floats = arrays
        self._power = power
        self._producer = {node.output[0]: node for node in nodes}
        self._readers = Counter(name for node in nodes for name in node.input)
        self._scale: dict[str, float] = {}
        self._unsigned: set[str] = set()
        self._dequantised: dict[str, str] = {}

    def write(self, node: onnx.NodeProto) -> None:
        """Adds the node in its quantised form, with the pairs that it reads from."""
        output = node.output[0]
        if self._is_unsigned(node):
            self._unsigned.add(output)
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        if self._is_integer(node):
            copy.input[:] = self._integer_inputs(node)
            if node.op_type in PASS_THROUGH:
                self._scale[output] = self._scale[node.input[0]]
        else:
            copy.input[:] = [self._float_input(node, name) for name in node.input]
        self.nodes.append(copy)

    def _is_integer(self, node: onnx.NodeProto) -> bool:
        if node.op_type not in INTEGER:
            return False
        return not any(name in self._floats for name in _data_inputs(node))

    def _is_unsigned(self, node: onnx.NodeProto) -> bool:
        if node.op_type in UNSIGNED:
            return True
        keeps_sign = node.op_type in INTEGER - WEIGHTED
        return keeps_sign and all(name in self._unsigned for name in _data_inputs(node))

    def _integer_inputs(self, node: onnx.NodeProto) -> list[str]:
        if node.op_type in WEIGHTED:
            source, weight, *bias = node.input
            value = self._pair(source)
            weight_scale = self._quantised_weight(weight)
            biases = [self._quantised_bias(name, source, weight_scale) for name in bias]
            return [value, f"{weight}_dq", *biases]
        if node.op_type in PASS_THROUGH:
            return [self._pair(node.input[0]), *map(self._kept, node.input[1:])]
        return [self._pair(name) for name in node.input]

    def _float_input(self, node: onnx.NodeProto, name: str) -> str:
        if name in self._floats:
            return self._kept(name)
        producer = self._producer.get(name)
        if producer is None or not self._is_integer(producer):
            return name
        if node.op_type == "Relu" and self._readers[name] == 1:
            # The range of the pair that follows, from zero up, is the Relu: runtimes drop it.
            return name
        return self._pair(name)

    def _kept(self, name: str) -> str:
        self.arrays[name] = self._floats[name]
        return name

    def _pair(self, name: str) -> str:
        """The value behind its QuantizeLinear and DequantizeLinear, added at first use."""
        if name in self._dequantised:
            return self._dequantised[name]
        unsigned = name in self._unsigned
        bound = _RANGE * math.sqrt(self._power.get(name, 1.0))
        scale = self._scale.setdefault(name, bound / (255 if unsigned else 127))
        parameters = [f"{name}_scale", f"{name}_zero"]
        self.arrays[parameters[0]] = np.array(scale, dtype=np.float32)
        self.arrays[parameters[1]] = np.array(0 if unsigned else 128, dtype=np.uint8)
        quantised, dequantised = f"{name}_q", f"{name}_dq"
        self._append("QuantizeLinear", [name, *parameters], quantised)
        self._append("DequantizeLinear", [quantised, *parameters], dequantised)
        self._dequantised[name] = dequantised
        return dequantised

    def _quantised_weight(self, name: str) -> AnyArray:
        """Adds the int8 weight and its DequantizeLinear; returns its scales ``[outputs]``."""
        weight = self._floats[name]
        flat = weight.reshape(weight.shape[0], -1)
        bound = np.maximum(flat.max(axis=1), -flat.min(axis=1))
        scale: AnyArray = (bound / 127).astype(np.float32)
        integers = np.rint(flat / scale[:, None]).astype(np.int8)
        self.arrays[f"{name}_q"] = integers.reshape(weight.shape)
        self.arrays[f"{name}_scale"] = scale
        self.arrays[f"{name}_zero"] = np.zeros(scale.size, dtype=np.int8)
        inputs = [f"{name}_q", f"{name}_scale", f"{name}_zero"]
        self._append("DequantizeLinear", inputs, f"{name}_dq", axis=0)
        return scale

    def _quantised_bias(self, name: str, source: str, weight_scale: AnyArray) -> str:
        scale = (weight_scale * self._scale[source]).astype(np.float32)
        self.arrays[f"{name}_q"] = np.rint(self._floats[name] / scale).astype(np.int32)
        self.arrays[f"{name}_scale"] = scale
        inputs = [f"{name}_q", f"{name}_scale"]
        self._append("DequantizeLinear", inputs, f"{name}_dq", axis=0)
        return f"{name}_dq"

    def _append(
        self, operator: str, inputs: list[str], output: str, axis: int | None = None
    ) -> None:
        attributes = {} if axis is None else {"axis": axis}
        node = helper.make_node(operator, inputs, [output], output, None, None, None, **attributes)
        self.nodes.append(node)
