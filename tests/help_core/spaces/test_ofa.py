from __future__ import annotations

import ast
import csv
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from help_core.errors import BadArchitecture
from help_core.spaces.base import Architecture, BuildOptions, sample_genes
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.ofa.genotype import DEPTH, EXPANSION, GENE_CHOICES, KERNEL, RESOLUTION
from help_core.spaces.ofa.layers import RESOLUTIONS
from tests.help_core.spaces.onnx_checks import count_work, random_image, relative_error, run
from tests.help_core.spaces.torch_networks import Weights, ofa

WIDTHS = {
    1.0: [16, 16, 24, 40, 80, 112, 160, 960, 1280],
    1.2: [24, 24, 32, 48, 96, 136, 192, 1152, 1536],
}
TEXT = "r224;d2,3,2,4,3;k57,553,37,7553,777;e43,444,63,3334,366"
CONFIG: dict[str, Any] = {
    "ks": [5, 7, 3, 3, 5, 5, 3, 3, 3, 7, 3, 3, 7, 5, 5, 3, 7, 7, 7, 3],
    "e": [4, 3, 3, 3, 4, 4, 4, 3, 6, 3, 3, 3, 3, 3, 3, 4, 3, 6, 6, 3],
    "d": [2, 3, 2, 4, 3],
    "r": 224,
}


def build(space: OFAMobileNetV3, architecture: Architecture) -> onnx.ModelProto:
    (stage,) = space.build(architecture, BuildOptions())
    return stage.model


def sample_at(space: OFAMobileNetV3, count: int, resolution: int) -> list[Architecture]:
    genes = sample_genes(space, count, np.random.default_rng(1))
    genes[:, RESOLUTION] = RESOLUTIONS.index(resolution)
    return space.from_genes(genes)


def assert_equals_torch(space: OFAMobileNetV3, architecture: Architecture, width: float) -> None:
    _, _, kernels, ratios = architecture.text.split(";")
    config = {
        key: [[int(digit) for digit in stage] for stage in text[1:].split(",")]
        for key, text in (("ks", kernels), ("e", ratios))
    }
    model = build(space, architecture)
    image = random_image(model)
    weights = Weights(model)
    expected = ofa(config, weights, torch.from_numpy(image), WIDTHS[width])
    weights.assert_used_up()
    assert relative_error(run(model, image), expected.numpy()) < 1e-4, architecture


def test_outputs_equal_an_independent_torch_network() -> None:
    space = OFAMobileNetV3()
    for architecture in sample_at(space, 50, 128):
        assert_equals_torch(space, architecture, 1.0)


@pytest.mark.parametrize("resolution", [132, 224])
def test_the_wide_form_equals_an_independent_torch_network(resolution: int) -> None:
    space = OFAMobileNetV3("ofa-w1.2", width=1.2)
    for architecture in sample_at(space, 2, resolution):
        assert_equals_torch(space, architecture, 1.2)


@pytest.mark.parametrize("width", [1.0, 1.2])
def test_costs_are_those_of_the_built_network(width: float) -> None:
    space = OFAMobileNetV3("any", width=width)
    for architecture in space.from_genes(sample_genes(space, 5, np.random.default_rng(2))):
        _, _, multiply_adds = count_work(build(space, architecture))
        assert space.cost(architecture).multiply_adds == multiply_adds


def test_the_string_names_the_layers_that_exist() -> None:
    space = OFAMobileNetV3()
    architecture = space.from_config(CONFIG)
    assert architecture.text == TEXT
    assert space.parse(str(architecture)) == architecture


def test_layers_beyond_the_depth_change_nothing() -> None:
    space = OFAMobileNetV3()
    other = CONFIG | {"ks": [*CONFIG["ks"][:2], 7, 7, *CONFIG["ks"][4:]]}
    assert other["ks"] != CONFIG["ks"]
    assert space.from_config(other) == space.from_config(CONFIG)


def test_canonical_forms_are_equal_exactly_when_the_strings_are() -> None:
    space = OFAMobileNetV3()
    rng = np.random.default_rng(0)
    genes = rng.integers(0, GENE_CHOICES, size=(300, len(GENE_CHOICES)))
    twins = genes.copy()
    twins[:, 3] = (twins[:, 3] + 1) % 3
    canonical = space.canonical(genes)
    np.testing.assert_array_equal(space.canonical(canonical), canonical)
    same = (canonical == space.canonical(twins)).all(axis=1)
    texts = [each.text for each in space.from_genes(genes)]
    twin_texts = [each.text for each in space.from_genes(twins)]
    assert same.tolist() == [a == b for a, b in zip(texts, twin_texts, strict=True)]
    assert 0 < same.sum() < len(same)
    np.testing.assert_array_equal(space.to_genes(space.from_genes(genes)), canonical)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "is not written like"),
        (TEXT.replace("r224", "r226"), "resolution 226"),
        (TEXT.replace("r224", "r" + "9" * 100_000), "is not written like"),
        (TEXT.replace("d2,3", "d5,3"), "depth 5"),
        (TEXT.replace("d2,", "d"), "5 stages"),
        (TEXT.replace("k57", "k577"), "kernel sizes .* 2,3,2,4,3 digits"),
        (TEXT.replace("k57", "k54"), "kernel size 4"),
        (TEXT.replace("e43", "e45"), "expansion 5"),
        (TEXT.replace(";e", ";x"), "is not written like"),
        (TEXT.replace("57", "٥٧"), "is not written like"),
    ],
)
def test_a_wrong_string_is_refused_with_the_offending_part(text: str, named: str) -> None:
    with pytest.raises(BadArchitecture, match=named) as raised:
        OFAMobileNetV3().parse(text)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ks": [3] * 19}, "'ks' must list 20"),
        ({"ks": 3}, "'ks' must list 20"),
        ({"e": [5] * 20}, "e 5 is not among"),
        ({"e": [3.0] * 20}, "holds a float"),
        ({"d": [True] * 5}, "holds a bool"),
        ({"d": None}, "'d' must list 5"),
        ({"r": 10**5000}, "r that large"),
        ({"r": np.arange(3)}, "holds a ndarray"),
        ({"wid": 1}, "another 'wid'"),
        ({"wid": np.arange(3)}, "another 'wid'"),
        ({"width": 1}, "key 'width'"),
    ],
)
def test_a_wrong_configuration_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadArchitecture, match=named):
        OFAMobileNetV3().from_config(CONFIG | change)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=20),
    max_leaves=20,
)
_LISTS = st.sampled_from([3, 4, 5, 6, 7, 128, 224]).flatmap(
    lambda value: st.sampled_from([1, 5, 20]).map(lambda count: [value] * count)
)


@given(change=st.dictionaries(st.sampled_from(["ks", "e", "d", "r", "wid"]), _VALUES | _LISTS))
@settings(max_examples=300, deadline=None)
def test_any_configuration_is_valid_or_refused(change: dict[str, Any]) -> None:
    space = OFAMobileNetV3()
    try:
        architecture = space.from_config(CONFIG | change)
    except BadArchitecture as error:
        message = str(error)
        assert len(message) < 400
        return
    assert space.parse(str(architecture)) == architecture


def test_help_features_mark_each_choice_of_each_layer() -> None:
    space = OFAMobileNetV3()
    genes = space.to_genes([space.from_config(CONFIG)])
    encoded = space.features(genes, "help")[0]
    layers = sum(CONFIG["d"])
    assert encoded.sum() == 2 * layers + 1
    kernels, ratios = encoded[:60].reshape(20, 3), encoded[60:120].reshape(20, 3)
    for layer in range(20):
        if layer % 4 < CONFIG["d"][layer // 4]:
            assert kernels[layer].argmax() == [3, 5, 7].index(CONFIG["ks"][layer])
            assert ratios[layer].argmax() == [3, 4, 6].index(CONFIG["e"][layer])
        else:
            assert not kernels[layer].any()
            assert not ratios[layer].any()
    assert encoded[120:].argmax() == (224 - 128) // 4


def test_every_group_of_genes_changes_the_physics() -> None:
    space = OFAMobileNetV3()
    base = np.ones((1, len(GENE_CHOICES)), dtype=np.int64)
    before = space.features(base, "physics")
    for genes in (KERNEL, EXPANSION, DEPTH, slice(RESOLUTION, None)):
        changed = base.copy()
        changed[:, genes] = 2
        assert (space.features(changed, "physics") != before).any()


@pytest.mark.reference
def test_costs_equal_all_measured_subnets(reference_data: Path) -> None:
    space = OFAMobileNetV3()
    count = 0
    for file in sorted((reference_data / "ofa" / "measured_top1").glob("*.csv")):
        with file.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                cost = space.cost(space.from_config(ast.literal_eval(row["Sub-network"])))
                assert cost.parameters == int(row["Model Parameters"])
                assert cost.multiply_adds == int(row["MACs"])
                count += 1
    assert count == 2_373


@pytest.mark.reference
def test_reference_architectures_are_those_of_help(reference_data: Path) -> None:
    folder = reference_data / "help" / "ofa"
    indices = torch.load(folder / "hardware_embedding_index.pt", weights_only=True)
    # Resolutions are numpy integers, pickled under numpy 1's name.
    numpy_integers: list[Any] = [
        (np.int64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
        np.dtype,
        type(np.dtype(np.int64)),
    ]
    with torch.serialization.safe_globals(numpy_integers):
        known = torch.load(folder / "ofa_archs.pt", weights_only=True)["arch"]
    space = OFAMobileNetV3()
    expected = [space.from_config(known[index]) for index in indices]
    assert list(space.reference_architectures()) == expected
    assert len({space.from_config(each) for each in known}) == 5_000
