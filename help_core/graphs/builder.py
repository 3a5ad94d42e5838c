"""A small writer of ONNX graphs: each method adds one node and returns its output's name.

Every convolution owns its weights: equal initializers would let the runtime merge parallel
convolutions and halve the latency (see docs/measurement.md). Batch norms are folded, as any
runtime does at load time. The weights are random, which changes no latency.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from help_core.arrays import AnyArray
from help_core.graphs.precision import Precision

OPSET = 17
IR_VERSION = 8
"""What onnxruntime 1.12 (2022) and later read, so that old boards can too."""


class GraphBuilder:
    """Collects the nodes and weights of one model."""

    def __init__(self, name: str, precision: Precision, seed: int) -> None:
        self.name = name
        self.dtype: type[np.floating[Any]] = np.float16 if precision == "fp16" else np.float32
        self.element_type = TensorProto.FLOAT16 if self.dtype is np.float16 else TensorProto.FLOAT
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Sequence[int], element_type: int | None = None) -> str:
        """A model input of a fixed shape, in the model's precision if no type is named."""
        self._inputs.append(
            helper.make_tensor_value_info(name, element_type or self.element_type, list(shape))
        )
        return name

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node with one output, whose name it returns."""
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(operator, list(inputs), [output], name=output, **attributes)
        )
        return output

    def constant(self, value: AnyArray) -> str:
        """An initializer of its own; floats are stored in the model's precision."""
        if np.issubdtype(value.dtype, np.floating):
            value = value.astype(self.dtype, copy=False)
        name = f"w{len(self._initializers)}"
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weights(self, shape: Sequence[int], fan_in: int) -> AnyArray:
        """Random weights that keep the scale of activations (He et al., 2015), uniform."""
        bound = float(np.sqrt(6.0 / fan_in))
        values = self._rng.random(tuple(shape), dtype=np.float32)
        values -= np.float32(0.5)
        values *= np.float32(2.0 * bound)
        return values

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
        inputs = [
            source,
            self.constant(self.weights((outside, inside // groups, kernel, kernel), fan_in)),
        ]
        if bias:
            inputs.append(self.constant(np.zeros(outside, dtype=np.float32)))
        return self.node(
            "Conv",
            inputs,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=groups,
        )

    def linear(self, source: str, inside: int, outside: int) -> str:
        """A fully connected layer on ``[batch, inside]``."""
        weight = self.constant(self.weights((outside, inside), inside))
        bias = self.constant(np.zeros(outside, dtype=np.float32))
        return self.node("Gemm", [source, weight, bias], transB=1)

    def relu(self, source: str) -> str:
        """max(x, 0)."""
        return self.node("Relu", [source])

    def add(self, sources: Sequence[str]) -> str:
        """The sum of the sources as a chain of ``Add``, which is how frameworks export it."""
        total = sources[0]
        for source in sources[1:]:
            total = self.node("Add", [total, source])
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
        return self.node("Flatten", [self.node("GlobalAveragePool", [source])], axis=1)

    def finish(self, outputs: Sequence[tuple[str, Sequence[int]]]) -> onnx.ModelProto:
        """The model whose outputs are the named values of the given shapes."""
        values = [
            helper.make_tensor_value_info(name, self.element_type, list(shape))
            for name, shape in outputs
        ]
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, values, initializer=self._initializers
        )
        return helper.make_model(
            graph,
            producer_name="help-fleet",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
