"""Random inputs: of the right type and shape, free of denormals, and never a surprise."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from help_core.errors import BadInput
from help_core.graphs.inputs import FEEDABLE, random_inputs
from help_core.spaces.base import BuildOptions
from help_core.spaces.nasbench201 import NasBench201

FLOATS = [(key, dtype) for key, dtype in FEEDABLE.items() if dtype.kind == "f"]
OTHERS = [(key, dtype) for key, dtype in FEEDABLE.items() if dtype.kind != "f"]


def model_with(*inputs: onnx.ValueInfoProto) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Identity", [value.name], [f"out_{value.name}"]) for value in inputs[:1]
    ]
    outputs = [
        helper.make_tensor_value_info(f"out_{value.name}", TensorProto.FLOAT, None)
        for value in inputs[:1]
    ]
    return helper.make_model(helper.make_graph(nodes, "g", list(inputs), outputs))


def tensor(
    element_type: int, shape: list[int | str | None], name: str = "x"
) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element_type, shape)


def test_network_of_a_space_gets_its_image() -> None:
    space = NasBench201()
    stage = space.build(space.reference_architectures()[0], BuildOptions(batch_size=3))[0]
    inputs = random_inputs(stage.model, np.random.default_rng(0))
    assert {name: (a.shape, a.dtype) for name, a in inputs.items()} == {
        "image": ((3, 3, 32, 32), np.dtype(np.float32))
    }


@pytest.mark.parametrize(("element_type", "dtype"), FLOATS)
def test_floats_are_normal_numbers_of_both_signs(element_type: int, dtype: np.dtype[Any]) -> None:
    model = model_with(tensor(element_type, [200, 200]))
    values = random_inputs(model, np.random.default_rng(0))["x"]
    assert values.dtype == dtype
    magnitude = np.abs(values).astype(np.float64)
    assert magnitude.min() >= 0.25
    assert magnitude.max() < 1
    assert 0.4 < (values > 0).mean() < 0.6


@pytest.mark.parametrize(("element_type", "dtype"), OTHERS)
def test_integers_and_booleans_are_zero_or_one(element_type: int, dtype: np.dtype[Any]) -> None:
    values = random_inputs(model_with(tensor(element_type, [300])), np.random.default_rng(0))["x"]
    assert values.dtype == dtype
    assert set(values.tolist()) == {0, 1}


def test_same_seed_gives_same_inputs_and_scalars_and_empty_axes_are_allowed() -> None:
    model = model_with(tensor(TensorProto.FLOAT, []), tensor(TensorProto.FLOAT, [0, 4], "cache"))
    first, second = (random_inputs(model, np.random.default_rng(7)) for _ in range(2))
    assert first["x"].shape == ()
    assert first["cache"].shape == (0, 4)
    assert first["x"] == second["x"]


def test_input_that_an_initializer_fills_is_not_fed() -> None:
    model = model_with(tensor(TensorProto.FLOAT, [2]), tensor(TensorProto.FLOAT, [2], "w"))
    model.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0]))
    assert set(random_inputs(model, np.random.default_rng(0))) == {"x"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (tensor(TensorProto.FLOAT, ["batch", 3]), "axis 0 .batch. has no fixed size"),
        (tensor(TensorProto.FLOAT, [1, None]), "axis 1 .unnamed. has no fixed size"),
        (tensor(TensorProto.STRING, [1]), "element type STRING"),
        (tensor(TensorProto.COMPLEX64, [1]), "element type COMPLEX64"),
        (tensor(99, [1]), "element type number 99"),
        (tensor(TensorProto.FLOAT, [1 << 20, 1 << 20]), "larger than"),
        (tensor(TensorProto.DOUBLE, [1 << 28]), "larger than"),
        (helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [1]), "not a tensor"),
        (helper.make_tensor_value_info("x", TensorProto.FLOAT, None), "has no shape"),
    ],
)
def test_what_cannot_be_fed_is_refused_by_name(value: onnx.ValueInfoProto, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        random_inputs(model_with(value), np.random.default_rng(0))
