"""HAT as a search space: strings, genotypes, features, costs, references."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from help_core.errors import BadArchitecture, BadInput, HelpError
from help_core.spaces import BuildOptions, GeneSpace, get_space, parse_architecture
from help_core.spaces.base import cross_genes, mutate_genes, sample_genes
from help_core.spaces.hat import TASKS, Hat, HatTask
from help_core.spaces.hat.costs import weights, work
from help_core.spaces.hat.genes import decode
from help_core.spaces.hat.network import build_decoder, cache_length
from help_core.spaces.own.costs import count_multiply_adds, count_parameters
from tests.help_core.spaces.hat.hat_reference_design import reference_genes

NAMES = ("hat", "hat-beam4", "hat-iwslt14", "hat-wmt14-enfr", "hat-wmt19")
VALID = "e512_f3072.2048.1024.2048.3072.1024_h4.8.4.8.8.8+d640_f1024.3072_h8.4_x4.8_a1.3"
SMALL = HatTask(101, 101, True, 30, (64, 96, 160), (4, 8))
SMALL_APART = HatTask(90, 70, False, 23, (48, 96, 128), (2, 4))


@pytest.mark.parametrize("name", NAMES)
def test_strings_and_genotypes_round_trip_in_every_registered_space(name: str) -> None:
    space = get_space(name)
    assert isinstance(space, GeneSpace)
    rng = np.random.default_rng(0)
    genes = sample_genes(space, 200, rng)
    architectures = space.from_genes(genes)
    assert len(set(architectures)) == 200
    assert max(len(str(architecture)) for architecture in architectures) < 200
    assert [parse_architecture(str(a)) for a in architectures] == architectures
    np.testing.assert_array_equal(space.to_genes(architectures), genes)
    mutated = mutate_genes(space, genes, 0.1, rng)
    crossed = cross_genes(space, genes, mutated[::-1], rng)
    for varied in (mutated, crossed):
        np.testing.assert_array_equal(space.to_genes(space.from_genes(varied)), varied)


def test_genotypes_that_differ_beyond_the_depth_are_one_architecture() -> None:
    space = Hat()
    genes = np.random.default_rng(1).integers(0, space.gene_choices, size=(500, 39))
    canonical = space.canonical(genes)
    assert (canonical != genes).any()
    assert space.from_genes(genes) == space.from_genes(canonical)
    for kind in space.feature_kinds:
        np.testing.assert_array_equal(space.features(genes, kind), space.features(canonical, kind))
    distinct = np.unique(canonical, axis=0)
    assert len(set(space.from_genes(distinct))) == len(distinct)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("e512", "e500"), "encoder embedding size: 500 is not one of 512, 640"),
        (("e512", "512"), "'512' must begin with 'e'"),
        (("f3072.", "f"), "encoder feed-forward sizes: has 5 entries, it needs 6"),
        (("f3072", "f03072"), "'03072' is not a number"),
        (("h4.8", "h4.16"), "encoder heads: 16 is not one of 4, 8"),
        (("+", "_"), "joined by one"),
        (("_x4.8", ""), "has 4 parts; write it d…_f…_h…_x…_a…"),
        (("_x4.8", "_x4"), "as many entries as it has layers, not 2, 2, 1, 2"),
        (("a1.3", "a1.4"), "encoder layers attended to: 4 is not one of 1, 2, 3"),
        (("a1.3", "a1.-1"), "'-1' is not a number"),
        (("a1.3", "a1.1.1.1.1.1.1"), "has 7 entries, it needs 1 to 6"),
        (("a1.3", "a1.٣"), "is not a number"),
        (("a1.3", "a1.3" * 100), "longer than"),
    ],
)
def test_a_bad_string_is_refused_by_its_offending_part(
    change: tuple[str, str], message: str
) -> None:
    with pytest.raises(BadArchitecture) as caught:
        Hat().parse(VALID.replace(*change))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(
    st.one_of(
        st.text(max_size=200),
        st.text(alphabet="efhdxa_.+0123456789", max_size=150),
        st.tuples(st.integers(0, len(VALID)), st.integers(0, 8), st.text(max_size=6)).map(
            lambda cut: VALID[: cut[0]] + cut[2] + VALID[cut[0] + cut[1] :]
        ),
    )
)
@settings(max_examples=2000, deadline=None)
def test_any_string_is_a_valid_architecture_or_refused(text: str) -> None:
    space = Hat()
    try:
        architecture = space.parse(text)
    except BadArchitecture:
        return
    assert space.from_genes(space.to_genes([architecture])) == [architecture]


@given(st.text(max_size=400) | st.text(alphabet="encodr-mbdisutafly:[]512, \n#", max_size=400))
@settings(max_examples=500, deadline=None)
def test_any_configuration_is_read_or_refused(yaml: str) -> None:
    with pytest.raises(BadArchitecture):
        Hat().parse_config(yaml)


def test_genes_outside_their_choices_are_refused_by_number() -> None:
    genes = np.zeros((2, 39), dtype=np.int64)
    genes[1, 2] = 6
    with pytest.raises(BadArchitecture, match="gene 2 of genotype 1 is 6; it must lie in 0-5"):
        Hat().from_genes(genes)


def test_unknown_features_and_bad_tasks_are_refused() -> None:
    with pytest.raises(BadInput, match="use help, physics"):
        Hat().features(np.zeros((1, 39), dtype=np.int64), "onehot")
    with pytest.raises(BadInput, match="beam 0"):
        Hat(beam=0)
    for vocabularies, heads in (((10, 20), (4, 8)), ((1, 1), (4, 8)), ((10, 10), (3, 8))):
        with pytest.raises(HelpError):
            HatTask(*vocabularies, True, 30, (1, 2, 3), heads)


def test_help_features_are_averages_over_the_layers_that_exist() -> None:
    space = Hat()
    found = space.features(space.to_genes([space.parse(VALID)]), "help")
    expected = [512, 6, 12288 / 6, 40 / 6, 640, 2, 2048, 6, 6, 2]
    np.testing.assert_allclose(found, [expected])


@pytest.mark.parametrize("task", [SMALL, SMALL_APART])
def test_costs_are_those_of_the_built_models(task: HatTask) -> None:
    space = Hat(task=task)
    for architecture in space.from_genes(sample_genes(space, 6, np.random.default_rng(2))):
        stages = space.build(architecture, BuildOptions())
        chosen = decode(task, space.to_genes([architecture]))
        done = sum(stage.runs * count_multiply_adds(stage.model) for stage in stages)
        assert space.cost(architecture).multiply_adds == done
        dims = int(chosen.encoder_dim[0]), int(chosen.decoder_dim[0])
        # Not weights: positions, the two scales of embeddings, and one scale per attention.
        constants = task.length * sum(dims) + 2 + 6 + 2 * int(chosen.decoder_layers[0])
        stored = sum(count_parameters(stage.model) for stage in stages) - constants
        stored -= sum(
            tensor.dims[0]
            for stage in stages
            for tensor in stage.model.graph.initializer
            if tensor.data_type == 7
        )
        shared = task.target_vocabulary * min(dims) if task.shared_embeddings else 0
        assert space.cost(architecture).parameters == stored - shared


def test_fixed_cache_costs_what_the_growing_cache_costs() -> None:
    space = Hat(task=SMALL)
    row = space.to_genes([space.reference_architectures()[2]])
    network, options = decode(SMALL, row), BuildOptions()
    grown = sum(
        count_multiply_adds(build_decoder(SMALL, network, 1, cached, options))
        for cached in range(SMALL.length)
    )
    fixed = SMALL.length * count_multiply_adds(
        build_decoder(SMALL, network, 1, cache_length(SMALL), options)
    )
    assert fixed == pytest.approx(grown, rel=0.002)


def test_physics_follows_the_work_of_the_network() -> None:
    space, beam = Hat(), Hat(beam=4)
    genes = sample_genes(space, 50, np.random.default_rng(3))
    physics = space.features(genes, "physics")
    assert physics.shape == (50, 17)
    assert np.isfinite(physics).all()
    totals = [space.cost(a).multiply_adds / 1e6 for a in space.from_genes(genes)]
    np.testing.assert_allclose(physics[:, :4].sum(axis=1), totals)
    four = beam.features(genes, "physics")
    np.testing.assert_allclose(four[:, 2:4], 4 * physics[:, 2:4])
    np.testing.assert_array_equal(four[:, :2], physics[:, :2])


def test_references_are_the_documented_design_and_the_same_genotypes_in_every_task() -> None:
    expected = np.array(reference_genes())
    for name in NAMES:
        space = get_space(name)
        assert isinstance(space, Hat)
        references = space.reference_architectures()
        assert len(set(references)) == 10
        np.testing.assert_array_equal(space.to_genes(references), expected)
    depths = decode(TASKS["wmt14.en-de"], expected).decoder_layers
    assert set(depths.tolist()) == {1, 2, 3, 4, 5, 6}


def test_weights_without_embeddings_are_a_transformer_base_where_it_is_one() -> None:
    """Vaswani et al.'s base model: 6 + 6 layers of 512 and 2,048; 44.1 M without embeddings."""
    space = Hat()
    text = "e512_f{f}_h{h}+d512_f{f}_h{h}_x{h}_a1.1.1.1.1.1".format(
        f=".".join(["2048"] * 6), h=".".join(["8"] * 6)
    )
    chosen = decode(space.task, space.to_genes([space.parse(text)]))
    held = weights(space.task, chosen)
    assert int(held.total[0] - held.embeddings[0]) == 44_138_496
    assert int(held.embeddings[0]) == 512 * 32_768
    assert int(work(space.task, chosen, 1).output[0]) == 30 * 512 * 32_768


def test_space_and_builder_import_no_torch_and_no_scipy() -> None:
    code = (
        "import sys; from help_core.spaces import get_space; from help_core.spaces.own import *;"
        "from help_core.spaces.hat import *; from help_core.spaces.base import BuildOptions;"
        "s = Hat(task=HatTask(9, 9, True, 5, (8, 8, 8), (4, 8)));"
        "s.build(s.reference_architectures()[2], BuildOptions());"
        "sys.exit(bool({'torch', 'scipy', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
