from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from help_core.arrays import AnyArray
from help_core.graphs.builder import GraphBuilder
from help_core.graphs.precision import Precision
from help_core.spaces.base import BuildOptions, GeneSpace, sample_genes
from help_core.spaces.registry import get_space
from tests.help_core.spaces.onnx_checks import optimised_operators, random_image, run


def small_network(precision: Precision) -> onnx.ModelProto:
    graph = GraphBuilder("small", precision, seed=0)
    value = graph.input("image", (1, 3, 16, 16))
    stem = graph.relu(graph.conv(value, 3, 8, 3))
    value = graph.relu(graph.conv(stem, 8, 8, 3, groups=8))
    value = graph.channel_shuffle(value, (1, 8, 16, 16), 2)
    value = graph.add([graph.conv(value, 8, 8, 1, bias=False), stem])
    value = graph.average_pool(value, 2, stride=2, padding=0)
    value = graph.linear(graph.global_average(value), 8, 10)
    return graph.finish([(value, (1, 10))])


def initializers(model: onnx.ModelProto) -> dict[str, AnyArray]:
    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


@pytest.mark.parametrize("name", ["nasbench201", "fbnet", "ofa"])
def test_onnxruntime_runs_every_convolution_on_integers(name: str, tmp_path: Path) -> None:
    space = get_space(name)
    assert isinstance(space, GeneSpace)
    for architecture in space.from_genes(sample_genes(space, 3, np.random.default_rng(5))):
        (stage,) = space.build(architecture, BuildOptions(precision="int8"))
        convolutions = sum(node.op_type == "Conv" for node in stage.model.graph.node)
        operators = optimised_operators(stage.model, tmp_path)
        assert operators["QLinearConv"] == convolutions
        assert operators["QGemm"] == 1
        assert operators["Conv"] + operators["FusedConv"] + operators["Gemm"] == 0
        assert operators["Add"] + operators["AveragePool"] + operators["GlobalAveragePool"] == 0
        assert operators["QuantizeLinear"] < convolutions


def test_relu_disappears_into_the_range_of_the_pair_after_it(tmp_path: Path) -> None:
    operators = optimised_operators(small_network("int8"), tmp_path)
    assert operators["Relu"] == 0
    assert operators == Counter(
        {
            "QuantizeLinear": 1,
            "QLinearConv": 3,
            "Reshape": 2,
            "Transpose": operators["Transpose"],
            "QLinearAdd": 1,
            "QLinearAveragePool": 1,
            "QLinearGlobalAveragePool": 1,
            "Flatten": 1,
            "QGemm": 1,
        }
    )


def test_integers_compute_what_floats_compute() -> None:
    exact, quantised = small_network("fp32"), small_network("int8")
    for seed in range(5):
        image = random_image(exact, seed)
        expected, output = run(exact, image).ravel(), run(quantised, image).ravel()
        assert np.corrcoef(expected, output)[0, 1] > 0.98
        assert np.abs(expected - output).max() < 0.25 * np.abs(expected).max()


def test_weights_are_int8_with_one_scale_per_output_channel() -> None:
    exact, quantised = initializers(small_network("fp32")), initializers(small_network("int8"))
    weights = [name for name, array in exact.items() if array.ndim >= 2]
    assert len(weights) == 4
    for name in weights:
        integers, scale = quantised[f"{name}_q"], quantised[f"{name}_scale"]
        assert integers.dtype == np.int8
        assert scale.shape == (exact[name].shape[0],)
        assert np.abs(integers.reshape(len(scale), -1)).max(axis=1).tolist() == [127] * len(scale)
        restored = integers * scale.reshape(-1, *[1] * (integers.ndim - 1))
        np.testing.assert_allclose(restored, exact[name], atol=float(scale.max()) * 0.51)
        assert name not in quantised


def test_bytes_that_only_move_keep_their_scale() -> None:
    model = small_network("int8")
    values = initializers(model)
    producer = {node.output[0]: node for node in model.graph.node}
    moved = [node for node in model.graph.node if node.op_type in {"Reshape", "Transpose"}]
    assert len(moved) == 3
    for node in moved:
        before = producer[node.input[0]].input[1]
        after = f"{node.output[0]}_scale"
        assert values[before] == values[after]


def test_inputs_and_outputs_stay_float() -> None:
    graph = small_network("int8").graph
    for value in (*graph.input, *graph.output):
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
