"""Checks of what a parsed model contains, in Python, before native code looks at it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import onnx

from help_core.errors import BadInput
from help_core.graphs.inputs import FEEDABLE, fed_inputs
from help_core.spaces.own.limits import OLDEST_IR_VERSION, OLDEST_OPSET, Limits

_EQUATION = re.compile(rb"[A-Za-z., >-]{1,200}")


def check_structure(model: onnx.ModelProto, limits: Limits) -> None:
    """Raises ``BadInput`` if the model is not one that a plain runtime can be given."""
    if not model.HasField("graph") or not model.graph.node:
        raise BadInput("holds no graph; it is not an ONNX model")
    if not OLDEST_IR_VERSION <= model.ir_version <= onnx.IR_VERSION:
        raise BadInput(
            f"has IR version {model.ir_version}; {OLDEST_IR_VERSION} to {onnx.IR_VERSION} are known"
        )
    if model.functions:
        raise BadInput("defines functions; inline them with onnx.inliner.inline_local_functions")
    if model.training_info:
        raise BadInput("carries training graphs; export it for inference")
    _check_opsets(model, limits)
    _check_nodes(model, limits)
    _check_inputs(model)


def _check_opsets(model: onnx.ModelProto, limits: Limits) -> None:
    for opset in model.opset_import:
        if opset.domain not in limits.domains:
            raise BadInput(_foreign(f"imports operators of {opset.domain[:60]!r}"))
    newest = onnx.defs.onnx_opset_version()
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    if len(versions) != 1 or not OLDEST_OPSET <= versions[0] <= newest:
        found = ", ".join(map(str, versions[:5])) or "none"
        raise BadInput(f"has opset {found}; it needs one, between {OLDEST_OPSET} and {newest}")


def _check_nodes(model: onnx.ModelProto, limits: Limits) -> None:
    count = 0
    for graph in all_graphs(model.graph):
        count += len(graph.node)
        if count > limits.nodes:
            raise BadInput(f"has more than {limits.nodes} nodes")
        for node in graph.node:
            if node.domain not in limits.domains:
                raise BadInput(
                    _foreign(f"uses operator {node.op_type[:40]!r} of {node.domain[:60]!r}")
                )
            if node.op_type == "Einsum":
                _check_equation(node)


def _check_equation(node: onnx.NodeProto) -> None:
    """onnx.checker (seen with 1.23) never returns from an equation of other characters."""
    for attribute in node.attribute:
        if attribute.name == "equation" and not _EQUATION.fullmatch(attribute.s):
            raise BadInput(f"has an Einsum equation {attribute.s[:40]!r}, which is damaged")


def _foreign(what: str) -> str:
    return f"{what}, which is not a standard domain; allow the domain if the device has it"


def _check_inputs(model: onnx.ModelProto) -> None:
    for value in fed_inputs(model):
        kind = value.type.WhichOneof("value")
        if kind != "tensor_type":
            raise BadInput(f"input {value.name[:60]!r} is not a tensor; only tensors can be fed")
        if value.type.tensor_type.elem_type not in FEEDABLE:
            raise BadInput(
                f"input {value.name[:60]!r} has an element type that cannot be fed; "
                "floats, integers and booleans can"
            )
        if not value.type.tensor_type.HasField("shape"):
            raise BadInput(f"input {value.name[:60]!r} has no shape; export it with one")


def all_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and, inside out, the bodies of its loops and branches."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from all_graphs(attribute.g)
            for body in attribute.graphs:
                yield from all_graphs(body)


def all_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every stored tensor of a graph: weights, constants, and those of its bodies."""
    for part in all_graphs(graph):
        yield from part.initializer
        for sparse in part.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in part.node:
            for attribute in node.attribute:
                yield from attribute.tensors
                if attribute.HasField("t"):
                    yield attribute.t
                for sparse in [attribute.sparse_tensor, *attribute.sparse_tensors]:
                    yield from (sparse.values, sparse.indices)
