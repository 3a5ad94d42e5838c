from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from scipy.stats import spearmanr

from help_core.errors import BadArchitecture
from help_core.spaces.base import Architecture, BuildOptions, sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.fbnet.layers import IMAGENET, NAMES, SKIP
from tests.help_core.spaces.onnx_checks import count_work, random_image, relative_error, run
from tests.help_core.spaces.torch_networks import Weights, fbnet

CIFAR_STRIDES = [1, 1, 1, 2, 2, 1, 2, 1]
IMAGENET_STRIDES = [2, 1, 2, 2, 2, 1, 2, 1]
PUBLISHED = {
    "FBNet-A": (
        "skip-k3_e3-k3_e1-skip-skip-k5_e6-k3_e3-k5_e1-k3_e3-k5_e6-k5_e3-k5_e1_g2-k5_e6-"
        "k3_e6-k5_e1_g2-k5_e3-k3_e1_g2-k5_e6-k5_e6-k5_e3-k5_e6-k5_e6",
        249e6,
    ),
    "FBNet-B": (
        "k3_e1-k3_e6-k5_e1-k3_e1-k3_e1-k5_e6-k5_e3-k3_e6-k5_e6-k5_e6-k5_e6-skip-k5_e3-"
        "k5_e6-k3_e1-k5_e1-k5_e3-k5_e6-k5_e1-k5_e6-k5_e6-k3_e6",
        295e6,
    ),
    "FBNet-C": (
        "k3_e1-k3_e6-skip-k3_e1-k3_e1-k5_e6-k5_e3-k5_e6-k3_e6-k5_e6-k5_e3-k5_e6-k5_e6-"
        "k5_e6-k5_e6-k5_e6-k5_e3-k5_e6-k5_e6-k5_e6-k5_e6-k3_e6",
        375e6,
    ),
}
"""Operations as in Wu et al. (2019, figure 5) and facebookresearch/mobile-vision, and the
multiply-adds of the paper's table 2."""


def build(space: FBNet, architecture: Architecture) -> onnx.ModelProto:
    (stage,) = space.build(architecture, BuildOptions())
    return stage.model


def assert_equals_torch(space: FBNet, architecture: Architecture, strides: list[int]) -> None:
    model = build(space, architecture)
    image = random_image(model)
    weights = Weights(model)
    classes = space.skeleton.classes
    expected = fbnet(architecture.text, weights, torch.from_numpy(image), strides, classes)
    weights.assert_used_up()
    assert relative_error(run(model, image), expected.numpy()) < 1e-4, architecture


def test_outputs_equal_an_independent_torch_network() -> None:
    space = FBNet()
    for architecture in space.from_genes(sample_genes(space, 50, np.random.default_rng(1))):
        assert_equals_torch(space, architecture, CIFAR_STRIDES)


def test_the_imagenet_form_equals_an_independent_torch_network() -> None:
    space = FBNet("fbnet-imagenet", IMAGENET)
    for architecture in space.from_genes(sample_genes(space, 3, np.random.default_rng(1))):
        assert_equals_torch(space, architecture, IMAGENET_STRIDES)


def test_costs_are_those_of_the_built_network() -> None:
    for space in (FBNet(), FBNet("fbnet-imagenet", IMAGENET)):
        for architecture in space.from_genes(sample_genes(space, 5, np.random.default_rng(2))):
            cost = space.cost(architecture)
            weights, offsets, multiply_adds = count_work(build(space, architecture))
            assert cost.parameters == weights + 2 * offsets + space.skeleton.classes
            assert cost.multiply_adds == multiply_adds


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_their_published_multiply_adds(name: str) -> None:
    space = FBNet("fbnet-imagenet", IMAGENET)
    text, published = PUBLISHED[name]
    cost = space.cost(space.parse(text))
    assert cost.multiply_adds == pytest.approx(published, rel=0.01)


def test_skip_is_a_convolution_only_where_the_shape_changes() -> None:
    space = FBNet()
    (architecture,) = space.from_genes(np.full((1, 22), SKIP))
    operators = [node.op_type for node in build(space, architecture).graph.node]
    # Stem, six changes of width, header.
    assert operators.count("Conv") == 1 + 6 + 1
    assert operators.count("Add") == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "layer 1 is ''"),
        ("skip-" * 21, "layer 22 is ''"),
        ("-".join(["skip"] * 23), "23 operations"),
        ("-".join(["skip"] * 21), "21 operations"),
        ("-".join(["skip"] * 10 + ["k7_e6"] + ["skip"] * 11), "layer 11 is 'k7_e6'"),
        ("-".join(["skip"] * 21 + ["k3_e" + "1" * 30]), "layer 22"),
        ("9" * 1_000_000, "1000000 characters"),
    ],
)
def test_a_wrong_string_is_refused_with_the_offending_part(text: str, named: str) -> None:
    with pytest.raises(BadArchitecture, match=named) as raised:
        FBNet().parse(text)
    assert len(str(raised.value)) < 400


def test_help_features_follow_the_definition_of_its_release() -> None:
    space = FBNet()
    genes = np.arange(22)[None] % 9
    encoded = space.features(genes, "help")[0].reshape(22, 6)
    for layer, gene in enumerate(genes[0]):
        name = NAMES[gene]
        expected = np.zeros(6)
        if name != "skip":
            kinds = ["e1", "e1_g2", "e3", "e6"]
            expected[["k3", "k5"].index(name[:2])] = 1
            expected[2 + kinds.index(name[3:])] = 1
        np.testing.assert_array_equal(encoded[layer], expected)


@pytest.mark.reference
def test_operations_and_reference_architectures_are_those_of_help(reference_data: Path) -> None:
    folder = reference_data / "help" / "fbnet"
    known = torch.load(folder / "metainfo.pt", weights_only=True)["arch"]
    indices = torch.load(folder / "hardware_embedding_index.pt", weights_only=True)
    space = FBNet()
    genes = np.array([each["op_idx_list"] for each in known])
    texts = [each.text for each in space.from_genes(genes)]
    assert texts == ["-".join(each["arch_str"]) for each in known]
    assert [each.text for each in space.reference_architectures()] == [
        texts[index] for index in indices
    ]


@pytest.mark.reference
def test_physics_explains_the_pixel3_column(reference_data: Path) -> None:
    folder = reference_data / "help" / "fbnet"
    known = torch.load(folder / "metainfo.pt", weights_only=True)["arch"]
    latency = np.array(torch.load(folder / "latency" / "pixel3.pt", weights_only=True))
    genes = np.array([each["op_idx_list"] for each in known])
    inputs = np.column_stack([np.ones(len(genes)), FBNet().features(genes, "physics")])
    weights = np.linalg.lstsq(inputs[:4000], latency[:4000], rcond=None)[0]
    assert spearmanr(inputs[4000:] @ weights, latency[4000:]).statistic > 0.99
