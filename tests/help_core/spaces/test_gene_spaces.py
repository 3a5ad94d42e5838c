"""What every convolutional gene space must do, whichever it is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from help_core.arrays import AnyArray, BoolArray, IntArray
from help_core.errors import BadArchitecture, BadInput, NotFound
from help_core.graphs.precision import PRECISIONS, Precision
from help_core.spaces.base import (
    BuildOptions,
    GeneSpace,
    cross_genes,
    mutate_genes,
    sample_genes,
)
from help_core.spaces.registry import get_space, parse_architecture, space_names
from tests.help_core.spaces.onnx_checks import random_image, run

NAMES = (
    "nasbench201",
    "nasbench201-cifar10",
    "nasbench201-imagenet16",
    "fbnet",
    "fbnet-imagenet",
    "ofa",
    "ofa-w1.2",
)
FEATURES = {
    "nasbench201": (30, 15),
    "fbnet": (132, 17),
    "ofa": (145, 22),
}
MUTATIONS = "".join(chr(code) for code in range(32, 127)) + "\n\0é٣𝟛"


@pytest.fixture(params=NAMES)
def space(request: pytest.FixtureRequest) -> GeneSpace:
    found = get_space(request.param)
    assert isinstance(found, GeneSpace)
    return found


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_the_registry_knows_them_by_name(space: GeneSpace) -> None:
    assert space.name in space_names()
    architecture = space.reference_architectures()[0]
    assert parse_architecture(str(architecture)) == architecture


def test_strings_and_genes_round_trip(space: GeneSpace, rng: np.random.Generator) -> None:
    genes = sample_genes(space, 100, rng)
    architectures = space.from_genes(genes)
    np.testing.assert_array_equal(space.to_genes(architectures), genes)
    assert [space.parse(str(each)) for each in architectures] == architectures
    assert [space.parse(each.text) for each in architectures] == architectures
    assert max(len(each.text) for each in architectures) < 300


def test_no_architectures_are_no_rows(space: GeneSpace) -> None:
    genes = space.to_genes([])
    assert genes.shape == (0, len(space.gene_choices))
    assert space.from_genes(genes) == []
    for kind, width in zip(("help", "physics"), FEATURES[space.name.split("-")[0]], strict=True):
        assert space.features(genes, kind).shape == (0, width)


def test_samples_are_distinct_and_canonical(space: GeneSpace, rng: np.random.Generator) -> None:
    genes = sample_genes(space, 500, rng)
    assert len({row.tobytes() for row in genes}) == len(genes) == 500
    np.testing.assert_array_equal(space.canonical(genes), genes)


def test_samples_can_be_held_to_a_limit(space: GeneSpace, rng: np.random.Generator) -> None:
    median = np.median(space.features(sample_genes(space, 200, rng), "physics")[:, -3:].sum(1))

    def light(genes: IntArray) -> BoolArray:
        accepted: BoolArray = space.features(genes, "physics")[:, -3:].sum(1) <= median
        return accepted

    genes = sample_genes(space, 100, rng, light)
    assert len({row.tobytes() for row in genes}) == 100
    assert light(genes).all()
    with pytest.raises(BadInput, match="cannot draw 5"):
        sample_genes(space, 5, rng, lambda rows: np.zeros(len(rows), dtype=bool))


def test_samples_reach_every_choice(space: GeneSpace, rng: np.random.Generator) -> None:
    genes = sample_genes(space, 500, rng)
    for column, choices in zip(genes.T, space.gene_choices, strict=True):
        assert set(column.tolist()) == set(range(choices))


def test_mutants_and_children_are_canonical(space: GeneSpace, rng: np.random.Generator) -> None:
    first, second = sample_genes(space, 200, rng).reshape(2, 100, -1)
    for made in (mutate_genes(space, first, 0.3, rng), cross_genes(space, first, second, rng)):
        np.testing.assert_array_equal(space.canonical(made), made)
        np.testing.assert_array_equal(space.to_genes(space.from_genes(made)), made)
        assert (made != first).any()


def test_a_rate_of_zero_mutates_nothing(space: GeneSpace, rng: np.random.Generator) -> None:
    genes = sample_genes(space, 20, rng)
    np.testing.assert_array_equal(mutate_genes(space, genes, 0.0, rng), genes)


def test_features_have_their_documented_shape(space: GeneSpace, rng: np.random.Generator) -> None:
    genes = sample_genes(space, 50, rng)
    widths = FEATURES[space.name.split("-")[0]]
    for kind, width in zip(("help", "physics"), widths, strict=True):
        features = space.features(genes, kind)
        assert features.shape == (50, width)
        assert features.dtype == np.float64
        assert np.isfinite(features).all()
        np.testing.assert_array_equal(space.features(genes[:1], kind), features[:1])


def test_unknown_features_are_refused_by_name(space: GeneSpace) -> None:
    genes = space.to_genes(space.reference_architectures())
    with pytest.raises(BadInput, match="use help, physics"):
        space.features(genes, "colour")


def test_ten_distinct_reference_architectures(space: GeneSpace) -> None:
    references = space.reference_architectures()
    assert len(set(references)) == 10
    assert [space.parse(str(each)) for each in references] == list(references)


@pytest.mark.parametrize("wrong", ["negative", "large", "short", "long", "real"])
def test_wrong_genes_are_refused(space: GeneSpace, wrong: str) -> None:
    good = space.to_genes(space.reference_architectures())
    genes: AnyArray = {
        "negative": good - 1,
        "large": good + 25,
        "short": good[:, :-1],
        "long": np.column_stack([good, good]),
        "real": good + 0.5,
    }[wrong]
    with pytest.raises(BadArchitecture, match=space.name):
        space.from_genes(genes)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_is_a_valid_model_that_runs(
    space: GeneSpace, precision: Precision, rng: np.random.Generator
) -> None:
    (architecture,) = space.from_genes(sample_genes(space, 1, rng))
    (stage,) = space.build(architecture, BuildOptions(batch_size=2, precision=precision))
    onnx.checker.check_model(stage.model, full_check=True)
    image = random_image(stage.model)
    output = run(stage.model, image)
    assert image.shape[0] == output.shape[0] == 2
    assert np.isfinite(output).all()
    assert np.ptp(output) > 0


def test_the_same_seed_makes_the_same_model_and_another_seed_another(space: GeneSpace) -> None:
    architecture = space.reference_architectures()[1]
    first, again, other = (
        space.build(architecture, BuildOptions(seed=seed))[0].model.SerializeToString(
            deterministic=True
        )
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_weight_tensors_are_all_different(space: GeneSpace, rng: np.random.Generator) -> None:
    genes = sample_genes(space, 3, rng)
    genes[0] = [min(3, choices - 1) for choices in space.gene_choices]
    for architecture in space.from_genes(genes):
        (stage,) = space.build(architecture, BuildOptions())
        tensors = [
            tensor.raw_data for tensor in stage.model.graph.initializer if len(tensor.dims) > 1
        ]
        assert len(set(tensors)) == len(tensors)


def test_building_takes_milliseconds_of_processor_time(
    space: GeneSpace, rng: np.random.Generator
) -> None:
    """The published medians are those of benchmarks/build.py; this only catches a regression."""
    taken: list[float] = []
    for architecture in space.from_genes(sample_genes(space, 9, rng)):
        start = time.process_time()
        (stage,) = space.build(architecture, BuildOptions())
        stage.model.SerializeToString()
        taken.append(time.process_time() - start)
    assert sorted(taken)[4] < (0.03 if "nasbench" in space.name else 0.15)


def mutants(space: GeneSpace, count: int, rng: np.random.Generator) -> Iterator[str]:
    """Valid strings with up to three characters changed, dropped or doubled."""
    texts = [each.text for each in space.from_genes(sample_genes(space, 200, rng))]
    for _ in range(count):
        characters = list(texts[int(rng.integers(len(texts)))])
        for _ in range(int(rng.integers(0, 4))):
            place = int(rng.integers(len(characters)))
            character = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
            characters[place] = ["", characters[place] * 2, character][int(rng.integers(3))]
        yield "".join(characters)


def assert_valid_or_refused(space: GeneSpace, text: str) -> bool:
    try:
        architecture = space.parse(text)
    except BadArchitecture as error:
        message = str(error)
        assert len(message) < 500
        assert "\n" not in message
        return False
    assert space.parse(str(architecture)) == architecture
    genes = space.to_genes([architecture])
    assert space.from_genes(genes) == [architecture]
    return True


def test_ten_thousand_mutated_strings_are_valid_or_refused(rng: np.random.Generator) -> None:
    for name in ("nasbench201", "fbnet", "ofa"):
        space = get_space(name)
        assert isinstance(space, GeneSpace)
        valid = sum(assert_valid_or_refused(space, text) for text in mutants(space, 3_400, rng))
        assert 500 < valid < 3_000


@given(text=st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_is_valid_or_refused(text: str) -> None:
    for name in ("nasbench201", "fbnet", "ofa"):
        space = get_space(name)
        assert isinstance(space, GeneSpace)
        assert_valid_or_refused(space, text)


@pytest.mark.parametrize("piece", ["skip-", "|none~0|+", "7,", "9", "r224;", "|", "~", "é"])
def test_a_string_of_megabytes_is_refused_at_once(space: GeneSpace, piece: str) -> None:
    start = time.process_time()
    with pytest.raises(BadArchitecture):
        space.parse(piece * 1_000_000)
    assert time.process_time() - start < 2.0


def test_an_unknown_space_is_named_with_those_that_exist() -> None:
    with pytest.raises(NotFound, match=r"known: .*fbnet") as raised:
        get_space("x" * 10_000)
    assert len(str(raised.value)) < 1_000


def test_building_imports_neither_torch_nor_scipy() -> None:
    script = (
        "import sys\n"
        "from help_core.spaces.base import BuildOptions\n"
        "from help_core.spaces.registry import get_space\n"
        f"for name in {NAMES!r}:\n"
        "    space = get_space(name)\n"
        "    architecture = space.reference_architectures()[0]\n"
        "    for precision in ('fp32', 'int8'):\n"
        "        space.build(architecture, BuildOptions(precision=precision))\n"
        "    space.features(space.to_genes([architecture]), 'physics')\n"
        "heavy = {'torch', 'scipy', 'onnxruntime', 'grpc', 'sqlalchemy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=60)
