"""Parameters and multiply-adds of any ONNX model with fixed shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import onnx

from help_core.errors import BadInput
from help_core.spaces.own.structure import all_graphs

Shapes = Mapping[str, tuple[int, ...]]

CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
"""Operators of that kind, and which input holds the weights."""
PRODUCTS = {"MatMul": (0, 1), "MatMulInteger": (0, 1), "QLinearMatMul": (0, 3)}
"""Operators of that kind, and which inputs are the factors."""
COUNTED = {*CONVOLUTIONS, *PRODUCTS, "ConvTranspose", "Gemm"}


def count_parameters(model: onnx.ModelProto) -> int:
    """Elements of all initializers, those of loop bodies and branches included."""
    return sum(
        prod(tensor.dims) for graph in all_graphs(model.graph) for tensor in graph.initializer
    )


def count_multiply_adds(model: onnx.ModelProto) -> int:
    """Multiply-adds in convolutions and matrix products of one run.

    ``model`` has fixed input shapes. Raises ``BadInput`` if a shape that is needed does not
    follow from them, or if a loop or branch does the work, whose runs cannot be counted.
    """
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    shapes = _shapes(inferred.graph)
    total = 0
    for node in inferred.graph.node:
        if node.op_type in COUNTED:
            total += _node_multiply_adds(node, shapes)
    bodies = (graph for graph in all_graphs(inferred.graph) if graph is not inferred.graph)
    if any(node.op_type in COUNTED for body in bodies for node in body.node):
        raise BadInput("has matrix products in a loop or branch; its multiply-adds are unknown")
    return total


def _shapes(graph: onnx.GraphProto) -> Shapes:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        dimensions = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(
            d.HasField("dim_value") for d in dimensions
        ):
            shapes.setdefault(value.name, tuple(d.dim_value for d in dimensions))
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            shapes.setdefault(node.output[0], tuple(node.attribute[0].t.dims))
    return shapes


def _node_multiply_adds(node: onnx.NodeProto, shapes: Shapes) -> int:
    if node.op_type == "ConvTranspose":
        # Each input element meets every weight of its channel: [in, out / groups, k…].
        source, weight = _wanted(node, shapes, [node.input[0], node.input[1]])
        return prod(source) * prod(weight[1:])
    if node.op_type in CONVOLUTIONS:
        weight_name = node.input[CONVOLUTIONS[node.op_type]]
        weight, output = _wanted(node, shapes, [weight_name, node.output[0]])
        return prod(output) * prod(weight[1:])
    if node.op_type == "Gemm":
        first, output = _wanted(node, shapes, [node.input[0], node.output[0]])
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return prod(output) * first[0 if transposed else -1]
    first_factor, _ = PRODUCTS[node.op_type]
    first, output = _wanted(node, shapes, [node.input[first_factor], node.output[0]])
    return prod(output) * first[-1]


def _wanted(node: onnx.NodeProto, shapes: Shapes, names: Sequence[str]) -> list[tuple[int, ...]]:
    if any(name not in shapes for name in names):
        raise BadInput(
            f"the shapes at {node.op_type} {node.name[:40]!r} do not follow from the inputs, "
            "so its multiply-adds are unknown"
        )
    return [shapes[name] for name in names]
