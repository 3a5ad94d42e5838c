from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch.nn import functional

from help_core.arrays import AnyArray
from help_core.graphs.builder import GraphBuilder
from help_core.spaces.base import BuildOptions, GeneSpace, sample_genes
from help_core.spaces.registry import get_space
from tests.help_core.spaces.onnx_checks import optimised_operators, random_image, run


def one_operator(method: str, shape: tuple[int, ...], *arguments: object) -> onnx.ModelProto:
    graph = GraphBuilder("one", "fp32", seed=0)
    value = getattr(graph, method)(graph.input("image", shape), *arguments)
    return graph.finish([(value, shape)])


@pytest.mark.parametrize("method", ["hard_swish", "hard_sigmoid", "relu"])
def test_activations_equal_those_of_torch(method: str) -> None:
    model = one_operator(method, (1, 4, 5, 5))
    image: AnyArray = random_image(model) * 4
    expected = getattr(functional, method.replace("_", ""))(torch.from_numpy(image))
    np.testing.assert_allclose(run(model, image), expected.numpy(), atol=1e-6)


def test_channels_are_shuffled_as_in_torch() -> None:
    shape = (2, 6, 3, 3)
    model = one_operator("channel_shuffle", shape, shape, 2)
    image = random_image(model)
    expected = functional.channel_shuffle(torch.from_numpy(image), 2)
    np.testing.assert_array_equal(run(model, image), expected.numpy())


def test_convolutions_bring_the_mean_square_back_to_one() -> None:
    graph = GraphBuilder("deep", "fp32", seed=0)
    value = graph.input("image", (1, 64, 32, 32))
    for _ in range(4):
        branches = [graph.conv(value, 64, 64, 1) for _ in range(8)]
        value = graph.relu(graph.add(branches))
    assert graph.power(value) == pytest.approx(4.0)
    output = run(model := graph.finish([(value, (1, 64, 32, 32))]), random_image(model))
    assert 1.0 < float((output**2).mean()) < 16.0


@pytest.mark.parametrize("name", ["nasbench201", "fbnet", "ofa-w1.2"])
def test_half_precision_neither_overflows_nor_vanishes(name: str) -> None:
    space = get_space(name)
    assert isinstance(space, GeneSpace)
    # The last choices are the heaviest: deepest, widest.
    genes = sample_genes(space, 2, np.random.default_rng(3))
    genes[0] = np.array(space.gene_choices) - (1 if name.startswith("ofa") else 2)
    for architecture in space.from_genes(genes):
        (half,) = space.build(architecture, BuildOptions(precision="fp16"))
        (full,) = space.build(architecture, BuildOptions())
        image = random_image(full.model)
        output = run(half.model, image.astype(np.float16)).astype(np.float64)
        expected = run(full.model, image)
        assert np.abs(output - expected).max() < 0.05 * np.abs(expected).max()
        assert np.abs(expected).max() > 1e-3


def test_half_precision_is_in_the_inputs_the_weights_and_the_outputs() -> None:
    space = get_space("fbnet")
    (stage,) = space.build(space.reference_architectures()[0], BuildOptions(precision="fp16"))
    graph = stage.model.graph
    half = onnx.TensorProto.FLOAT16
    assert [each.type.tensor_type.elem_type for each in (*graph.input, *graph.output)] == [half] * 2
    kinds = {each.data_type for each in graph.initializer}
    assert kinds == {half, onnx.TensorProto.INT64}


def test_initializers_read_back_as_they_were_written() -> None:
    graph = GraphBuilder("constants", "fp32", seed=0)
    written: list[AnyArray] = [
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.array(1.5, dtype=np.float32),
        np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4).T,
    ]
    names = [graph.constant(array) for array in written]
    value = graph.node("Mul", [graph.input("image", (1,)), names[1]])
    model = graph.finish([(value, (1,))])
    read = [numpy_helper.to_array(each) for each in model.graph.initializer]
    for before, after in zip(written, read, strict=True):
        np.testing.assert_array_equal(before, after)
        assert before.dtype == after.dtype


def decomposed_hard_swish(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with x * relu6(x + 3) / 6 in place of each HardSwish, as once-for-all has it."""
    spelled = onnx.ModelProto()
    spelled.CopyFrom(model)
    nodes = []
    for node in model.graph.node:
        if node.op_type != "HardSwish":
            nodes.append(node)
            continue
        source, output = node.input[0], node.output[0]
        nodes += [
            helper.make_node("Add", [source, "three"], [f"{output}_a"]),
            helper.make_node("Clip", [f"{output}_a", "zero", "six"], [f"{output}_b"]),
            helper.make_node("Mul", [source, f"{output}_b"], [f"{output}_c"]),
            helper.make_node("Div", [f"{output}_c", "six"], [output]),
        ]
    del spelled.graph.node[:]
    spelled.graph.node.extend(nodes)
    for name, value in (("zero", 0.0), ("three", 3.0), ("six", 6.0)):
        spelled.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    return spelled


def test_hard_swish_is_one_operator_because_runtimes_fuse_it(tmp_path: Path) -> None:
    space = get_space("ofa")
    (stage,) = space.build(space.reference_architectures()[4], BuildOptions())
    fused = optimised_operators(stage.model, tmp_path)
    spelled_model = decomposed_hard_swish(stage.model)
    spelled = optimised_operators(spelled_model, tmp_path)
    assert spelled.total() > 1.3 * fused.total()
    image = random_image(stage.model)
    np.testing.assert_allclose(
        run(stage.model, image), run(spelled_model, image), rtol=1e-3, atol=1e-4
    )
