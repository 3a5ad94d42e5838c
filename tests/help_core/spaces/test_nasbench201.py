from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from help_core.errors import BadArchitecture
from help_core.graphs.precision import PRECISIONS, Precision
from help_core.spaces.base import BuildOptions, sample_genes
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.nasbench201.cell import EDGES, NONE, live_edges
from tests.help_core.spaces.onnx_checks import count_work, random_image, relative_error, run
from tests.help_core.spaces.torch_networks import Weights, nasbench201

SPARSE = "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"
DENSE = (
    "|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|"
    "+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
)
FULL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
DISCONNECTED = "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|none~2|"


def build(space: NasBench201, text: str, batch_size: int = 1) -> onnx.ModelProto:
    (stage,) = space.build(space.parse(text), BuildOptions(batch_size))
    return stage.model


def test_outputs_equal_an_independent_torch_network() -> None:
    space = NasBench201()
    genes = sample_genes(space, 55, np.random.default_rng(1))
    connected = [
        architecture
        for architecture, live in zip(space.from_genes(genes), live_edges(genes), strict=True)
        if live.any()
    ]
    assert len(connected) >= 50
    for architecture in connected:
        model = build(space, architecture.text)
        image = random_image(model)
        weights = Weights(model)
        expected = nasbench201(architecture.text, weights, torch.from_numpy(image), 100)
        weights.assert_used_up()
        assert relative_error(run(model, image), expected.numpy()) < 1e-4, architecture


@pytest.mark.parametrize(
    ("cell", "parameters", "multiply_adds"),
    [(SPARSE, 129_306, 15_647_360), (DENSE, 587_386, 82_494_080)],
)
def test_costs_are_those_of_the_benchmark(cell: str, parameters: int, multiply_adds: int) -> None:
    space = NasBench201("nasbench201-cifar10", classes=10)
    cost = space.cost(space.parse(cell))
    assert (cost.parameters, cost.multiply_adds) == (parameters, multiply_adds)


def test_costs_are_those_of_the_built_network_when_every_edge_is_live() -> None:
    space = NasBench201()
    cost = space.cost(space.parse(FULL))
    weights, offsets, multiply_adds = count_work(build(space, FULL))
    # The last batch norm (64 channels) is not folded; the classifier has 100 biases.
    assert cost.parameters == weights + 2 * offsets + 2 * 64 + 100
    assert cost.multiply_adds == multiply_adds


def test_all_15625_strings_round_trip_and_are_distinct() -> None:
    space = NasBench201()
    genes = space.all_genes()
    architectures = space.from_genes(genes)
    assert len({architecture.text for architecture in architectures}) == 15_625
    assert [space.parse(str(each)) for each in architectures] == architectures
    np.testing.assert_array_equal(space.to_genes(architectures), genes)


def test_live_edges_are_those_on_a_path_from_input_to_output() -> None:
    genes = NasBench201().all_genes()[::7]
    paths = [
        [EDGES.index(edge) for edge in itertools.pairwise((0, *middle, 3))]
        for count in range(3)
        for middle in itertools.combinations((1, 2), count)
    ]
    expected = np.zeros_like(genes)
    for row, genotype in enumerate(genes):
        for path in paths:
            if all(genotype[edge] != NONE for edge in path):
                expected[row, path] = 1
    np.testing.assert_array_equal(live_edges(genes), expected)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_disconnected_cell_is_a_network_that_ignores_its_image(precision: Precision) -> None:
    space = NasBench201()
    (stage,) = space.build(space.parse(DISCONNECTED), BuildOptions(precision=precision))
    model = stage.model
    onnx.checker.check_model(model, full_check=True)
    outputs = [run(model, random_image(model, seed)) for seed in (0, 1)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.isfinite(outputs[0]).all()


def test_a_pruned_cell_builds_the_network_that_the_whole_cell_builds() -> None:
    space = NasBench201()
    genes = sample_genes(space, 12, np.random.default_rng(5))
    genes = genes[space.carries(genes)]
    left = space.pruned(genes)
    assert (left != genes).any()
    for texts in zip(space.from_genes(genes), space.from_genes(left), strict=True):
        whole, pruned = (space.build(one, BuildOptions())[0].model for one in texts)
        assert [one.op_type for one in whole.graph.node] == [
            one.op_type for one in pruned.graph.node
        ]


def test_dead_edges_leave_no_nodes_behind() -> None:
    space = NasBench201()
    live = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|"
    dead = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|skip_connect~1|none~2|"
    assert len(build(space, dead).graph.node) == len(build(space, live).graph.node)


def test_a_trace_keeps_what_convolves_zeros_and_drops_what_nobody_uses() -> None:
    space = NasBench201()
    unreached = "|none~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|"
    unused = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|none~2|"
    genes = space.to_genes([space.parse(unreached), space.parse(unused)])
    kept, dropped = space.from_genes(space.traced(genes))
    assert str(kept) == f"nasbench201:{unreached}"
    assert str(dropped) == "nasbench201:|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"


def test_of_a_cell_that_carries_nothing_the_network_around_it_is_left() -> None:
    space = NasBench201()
    genes = space.to_genes([space.parse(DISCONNECTED)])
    assert str(space.from_genes(space.pruned(genes))[0]) == (
        "nasbench201:|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    )


def test_parallel_convolutions_have_weights_of_their_own() -> None:
    model = build(NasBench201(), FULL)
    tensors = [tensor.raw_data for tensor in model.graph.initializer if len(tensor.dims) == 4]
    assert len(set(tensors)) == len(tensors) == 1 + 15 * 6 + 2 * 3


def test_the_imagenet16_form_is_16x16_with_120_classes() -> None:
    space = NasBench201("nasbench201-imagenet16", classes=120, resolution=16)
    model = build(space, DENSE, batch_size=2)
    image = random_image(model)
    assert image.shape == (2, 3, 16, 16)
    assert run(model, image).shape == (2, 120)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "1 nodes"),
        (SPARSE + "+|none~0|", "4 nodes"),
        (SPARSE.replace("nor_conv_1x1~0", "nor_conv_7x7~0"), "nor_conv_7x7"),
        (SPARSE.replace("none~1", "none~0"), "~1"),
        (SPARSE.replace("none~1", "none~" + "1" * 6000), "~1"),
        (SPARSE.replace("|none~1", ""), "node 2"),
        (SPARSE.replace("~0", "~٠"), "node 1"),
        ("|" * 100_000, "1 nodes"),
    ],
)
def test_a_wrong_string_is_refused_with_the_offending_part(text: str, named: str) -> None:
    with pytest.raises(BadArchitecture, match=named) as raised:
        NasBench201().parse(text)
    assert len(str(raised.value)) < 400


@pytest.mark.reference
def test_reference_architectures_and_order_are_those_of_help(reference_data: Path) -> None:
    folder = reference_data / "help" / "nasbench201"
    indices = torch.load(folder / "hardware_embedding_index.pt", weights_only=True)
    index_of = torch.load(folder / "str_arch2idx.pt", weights_only=True)
    space = NasBench201()
    assert [index_of[each.text] for each in space.reference_architectures()] == indices
    assert {each.text for each in space.from_genes(space.all_genes())} == set(index_of)
