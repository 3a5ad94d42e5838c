"""A small writer of ONNX graphs: each method adds one node and returns its output's name.

Every convolution owns its weights: equal initializers would let the runtime merge parallel
convolutions and halve the latency (see docs/measurement.md). Batch norms are folded, as any
runtime does at load time. The weights are random, which changes no latency, and scaled so
that every convolution's output has a mean square near one, as a batch norm would: no number
format overflows, whatever the depth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from help_core.arrays import AnyArray
from help_core.graphs.precision import Precision
from help_core.graphs.quantise import quantise

OPSET = 17
IR_VERSION = 8
"""What onnxruntime 1.12 (2022) and later read, so that old boards can too."""

_POOL = 262_147
"""Random numbers drawn for a model; every tensor is a window of them. A prime, so that no
two rows or tensors of a network start at the same one."""


class GraphBuilder:
    """Collects the nodes and weights of one model."""

    def __init__(self, name: str, precision: Precision, seed: int) -> None:
        self.name = name
        self.precision = precision
        self.dtype: type[np.floating[Any]] = np.float16 if precision == "fp16" else np.float32
        self.element_type = TensorProto.FLOAT16 if self.dtype is np.float16 else TensorProto.FLOAT
        rng = np.random.Generator(np.random.SFC64(seed))
        self._pool = rng.random(_POOL, dtype=np.float32) - np.float32(0.5)
        self._drawn = 0
        self._nodes: list[onnx.NodeProto] = []
        self._arrays: dict[str, AnyArray] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._power: dict[str, float] = {}

    def input(self, name: str, shape: Sequence[int], element_type: int | None = None) -> str:
        """A model input of a fixed shape, in the model's precision if no type is named."""
        self._inputs.append(
            helper.make_tensor_value_info(name, element_type or self.element_type, list(shape))
        )
        return name

    def power(self, name: str) -> float:
        """The expected mean square of a value, for inputs with a mean square of one."""
        return self._power.get(name, 1.0)

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node with one output, whose name it returns; its power is its first input's."""
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(operator, list(inputs), [output], name=output, **attributes)
        )
        self._power[output] = self.power(inputs[0]) if inputs else 1.0
        return output

    def constant(self, value: AnyArray) -> str:
        """An initializer of its own; floats are stored in the model's precision."""
        if np.issubdtype(value.dtype, np.floating):
            value = value.astype(self.dtype, copy=False)
        name = f"w{len(self._arrays)}"
        self._arrays[name] = value
        return name

    def weights(self, shape: Sequence[int], fan_in: float) -> AnyArray:
        """Random weights that keep the scale of activations (He et al., 2015), uniform."""
        scale = np.float32(2.0 * math.sqrt(6.0 / fan_in))
        values = np.empty(math.prod(shape), dtype=np.float32)
        filled, start = 0, self._drawn % _POOL
        while filled < values.size:
            window = self._pool[start : start + values.size - filled]
            np.multiply(window, scale, out=values[filled : filled + window.size])
            filled, start = filled + window.size, 0
        # One more than was used: tensors of one size in a row never share a window.
        self._drawn += values.size + 1
        return values.reshape(tuple(shape))

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
        """A square convolution, padded by ``kernel // 2``, with its folded batch norm's bias."""
        fan_in = inside // groups * kernel * kernel
        shape = (outside, inside // groups, kernel, kernel)
        # Weights of variance 1 / (fan_in * power) bring the output's power to one.
        inputs = [source, self.constant(self.weights(shape, 2.0 * fan_in * self.power(source)))]
        if bias:
            inputs.append(self.constant(np.zeros(outside, dtype=np.float32)))
        output = self.node(
            "Conv",
            inputs,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=groups,
        )
        self._power[output] = 1.0
        return output

    def linear(self, source: str, inside: int, outside: int) -> str:
        """A fully connected layer on ``[batch, inside]``."""
        weight = self.constant(self.weights((outside, inside), inside))
        bias = self.constant(np.zeros(outside, dtype=np.float32))
        return self.node("Gemm", [source, weight, bias], transB=1)

    def relu(self, source: str) -> str:
        """max(x, 0)."""
        output = self.node("Relu", [source])
        self._power[output] = self.power(source) / 2
        return output

    def hard_sigmoid(self, source: str) -> str:
        """min(max(x / 6 + 1/2, 0), 1), as in MobileNetV3 (Howard et al., 2019)."""
        output = self.node("HardSigmoid", [source], alpha=1 / 6, beta=0.5)
        self._power[output] = 0.25
        return output

    def hard_swish(self, source: str) -> str:
        """x * hard_sigmoid(x), as the one operator that frameworks export it to."""
        output = self.node("HardSwish", [source])
        power = self.power(source)
        # E[(x/2 + x²/6)²] of a normal x, which is exact where |x| < 3.
        self._power[output] = power / 4 + power**2 / 12
        return output

    def multiply(self, first: str, second: str) -> str:
        """The elementwise product, with ONNX broadcasting."""
        output = self.node("Mul", [first, second])
        self._power[output] = self.power(first) * self.power(second)
        return output

    def channel_shuffle(self, source: str, shape: Sequence[int], groups: int) -> str:
        """Channels of ``[batch, channels, h, w]`` dealt round the groups (ShuffleNet, 2018)."""
        batch, channels, height, width = shape
        split = np.array([batch, groups, channels // groups, height, width], dtype=np.int64)
        value = self.node("Reshape", [source, self.constant(split)])
        value = self.node("Transpose", [value], perm=[0, 2, 1, 3, 4])
        return self.node("Reshape", [value, self.constant(np.array(shape, dtype=np.int64))])

    def add(self, sources: Sequence[str]) -> str:
        """The sum of the sources as a chain of ``Add``, which is how frameworks export it."""
        total = sources[0]
        for source in sources[1:]:
            power = self.power(total) + self.power(source)
            total = self.node("Add", [total, source])
            self._power[total] = power
        return total

    def average_pool(self, source: str, kernel: int, *, stride: int, padding: int) -> str:
        """Average pooling that leaves padded pixels out of the mean."""
        return self.node(
            "AveragePool",
            [source],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[padding] * 4,
            count_include_pad=0,
        )

    def global_average(self, source: str) -> str:
        """``[batch, channels, h, w]`` to ``[batch, channels]``."""
        return self.flatten(self.squeeze(source))

    def squeeze(self, source: str) -> str:
        """``[batch, channels, h, w]`` to its means, ``[batch, channels, 1, 1]``."""
        output = self.node("GlobalAveragePool", [source])
        # About the squared mean of a rectified normal variable, as a share of its power.
        self._power[output] = 0.3 * self.power(source)
        return output

    def flatten(self, source: str) -> str:
        """``[batch, …]`` to ``[batch, features]``."""
        return self.node("Flatten", [source], axis=1)

    def finish(self, outputs: Sequence[tuple[str, Sequence[int]]]) -> onnx.ModelProto:
        """The model whose outputs are the named values of the given shapes."""
        nodes, arrays = self._nodes, self._arrays
        if self.precision == "int8":
            nodes, arrays = quantise(nodes, arrays, self._power)
        model = helper.make_model(
            helper.make_graph(
                nodes,
                self.name,
                self._inputs,
                [
                    helper.make_tensor_value_info(name, self.element_type, list(shape))
                    for name, shape in outputs
                ],
            ),
            producer_name="help-fleet",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        for name, array in arrays.items():
            # Written in place: ``make_graph`` and ``make_model`` would copy the weights twice.
            tensor = model.graph.initializer.add()
            tensor.name = name
            tensor.dims.extend(array.shape)
            tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
            tensor.raw_data = array.tobytes()
        return model
