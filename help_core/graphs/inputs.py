"""Random inputs for any model whose shapes are fixed.

Values change no latency, with one exception that this module avoids: denormal floats, which
are tens of times slower on many processors (see docs/measurement.md). Integers are 0 or 1,
which are valid token ids, indices and masks in any model that has at least two of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from help_core.arrays import AnyArray
from help_core.errors import BadInput

MAX_INPUT_BYTES = 1 << 30
"""All inputs of one model together; more would not fit beside the model on a small board."""

FEEDABLE: Mapping[int, np.dtype[Any]] = {
    TensorProto.FLOAT16: np.dtype(np.float16),
    TensorProto.FLOAT: np.dtype(np.float32),
    TensorProto.DOUBLE: np.dtype(np.float64),
    TensorProto.INT8: np.dtype(np.int8),
    TensorProto.INT16: np.dtype(np.int16),
    TensorProto.INT32: np.dtype(np.int32),
    TensorProto.INT64: np.dtype(np.int64),
    TensorProto.UINT8: np.dtype(np.uint8),
    TensorProto.UINT16: np.dtype(np.uint16),
    TensorProto.UINT32: np.dtype(np.uint32),
    TensorProto.UINT64: np.dtype(np.uint64),
    TensorProto.BOOL: np.dtype(np.bool_),
}
"""ONNX element types of inputs that can be made, and their numpy types."""


def random_inputs(model: onnx.ModelProto, rng: np.random.Generator) -> dict[str, AnyArray]:
    """One array for each input of the model that has no initializer, in the model's order.

    Floats have magnitudes in [0.25, 1) and either sign, integers are 0 or 1.
    Raises ``BadInput`` for an input whose shape is not fixed, whose type is not a tensor of
    floats, integers or booleans, or if all inputs together exceed ``MAX_INPUT_BYTES``.
    """
    total = 0
    inputs: dict[str, AnyArray] = {}
    for value in fed_inputs(model):
        shape, dtype = _shape(value), _element_type(value)
        total += prod(shape) * dtype.itemsize
        if total > MAX_INPUT_BYTES:
            raise BadInput(
                f"input {value.name[:60]!r} makes the inputs larger than "
                f"{MAX_INPUT_BYTES >> 20} MiB; choose smaller sizes"
            )
        inputs[value.name] = _draw(dtype, shape, rng)
    return inputs


def fed_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that a run must supply: those that no initializer gives a value."""
    stored = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in stored]


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    if not value.type.HasField("tensor_type"):
        raise BadInput(f"input {value.name[:60]!r} is not a tensor; only tensors can be fed")
    if not value.type.tensor_type.HasField("shape"):
        raise BadInput(f"input {value.name[:60]!r} has no shape; give the model fixed shapes")
    sizes: list[int] = []
    for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
        if not dimension.HasField("dim_value") or dimension.dim_value < 0:
            name = dimension.dim_param[:40] or "unnamed"
            raise BadInput(
                f"input {value.name[:60]!r}, axis {axis} ({name}) has no fixed size; give it one"
            )
        sizes.append(dimension.dim_value)
    return tuple(sizes)


def _element_type(value: onnx.ValueInfoProto) -> np.dtype[Any]:
    element_type = value.type.tensor_type.elem_type
    if element_type not in FEEDABLE:
        known = element_type in TensorProto.DataType.values()
        name = TensorProto.DataType.Name(element_type) if known else f"number {element_type}"
        raise BadInput(
            f"input {value.name[:60]!r} has element type {name}; "
            "only floats, integers and booleans can be fed"
        )
    return FEEDABLE[element_type]


def _draw(dtype: np.dtype[Any], shape: tuple[int, ...], rng: np.random.Generator) -> AnyArray:
    if dtype.kind != "f":
        return rng.integers(0, 2, size=shape, dtype=np.uint8).astype(dtype)
    values: AnyArray = rng.random(shape, dtype=np.float32)
    values *= np.float32(0.74)
    values += np.float32(0.25)
    np.negative(values, out=values, where=rng.integers(0, 2, size=shape, dtype=np.bool_))
    return values.astype(dtype, copy=False)
