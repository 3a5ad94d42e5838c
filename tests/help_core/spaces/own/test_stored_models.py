"""Models that a coordinator keeps: one string always means the same bytes."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from help_core.errors import BadArchitecture, BadInput
from help_core.records import StoredModel
from help_core.spaces import BuildOptions, get_gene_space, get_space, parse_architecture
from help_core.spaces.own import Limits, OwnModels
from help_core.spaces.own.axes import MAX_SIZE, parse_sizes
from help_core.spaces.own.stored import digest_of
from tests.help_core.spaces.own.own_models import CONVOLUTIONAL, TOKENS, model, save_externally

DIGEST = "0123456789abcdef"


def packed(folder: Path, name: str, sizes: dict[str, int] | None = None) -> bytes:
    space = OwnModels(folder, sizes=sizes, limits=Limits(seconds=20))
    return space.pack(space.parse(name))


def save(folder: Path, name: str, text: str) -> bytes:
    data = model(text).SerializeToString()
    (folder / f"{name}.onnx").write_bytes(data)
    return data


def test_the_string_of_a_model_carries_the_beginning_of_its_hash() -> None:
    stored = StoredModel("net", DIGEST * 4, 10, 20)
    assert stored.architecture == f"own:net@{DIGEST}"
    architecture = parse_architecture(stored.architecture)
    assert digest_of(architecture) == stored.digest == DIGEST
    assert get_space("own").parse(f"net@{DIGEST}") == architecture


@pytest.mark.parametrize(
    "text",
    [
        "",
        "net",
        "net@",
        "@" + DIGEST,
        f"net@{DIGEST}0",
        f"net@{DIGEST.upper()}",
        f"../net@{DIGEST}",
        f"net@other@{DIGEST}",
        f"{'n' * 65}@{DIGEST}",
        f"net@{DIGEST}\n",
    ],
)
def test_a_string_that_names_no_content_is_refused(text: str) -> None:
    with pytest.raises(BadArchitecture, match="is not NAME@HASH"):
        get_space("own").parse(text)


@given(st.text(max_size=120) | st.from_regex(r"[a-z@.:-]{0,20}@?[0-9a-f]{0,18}"))
@settings(max_examples=500, deadline=None)
def test_any_text_is_valid_or_refused(text: str) -> None:
    space = get_space("own")
    try:
        architecture = space.parse(text)
    except BadArchitecture:
        return
    assert space.parse(str(architecture)) == architecture


def test_who_has_not_the_bytes_can_neither_build_nor_cost_nor_predict() -> None:
    space = get_space("own")
    architecture = space.parse(f"net@{DIGEST}")
    with pytest.raises(BadInput, match="which is not here"):
        space.build(architecture, BuildOptions())
    with pytest.raises(BadInput, match="which is not here"):
        space.cost(architecture)
    with pytest.raises(BadInput, match="nothing can be predicted in it; measure its"):
        get_gene_space("own")
    assert space.reference_architectures() == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [("a@b", "not contain '@'"), ("../x", "model name"), ("", "model name"), ("n" * 65, "1-64")],
)
def test_a_name_that_is_unsafe_in_paths_is_refused(name: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        StoredModel(name, DIGEST * 4, 10, 20)


def test_a_model_that_needs_nothing_is_packed_as_the_file_it_is(tmp_path: Path) -> None:
    data = save(tmp_path, "net", CONVOLUTIONAL)
    assert packed(tmp_path, "net") == data


def test_sizes_become_part_of_the_bytes_and_the_batch_stays_free(tmp_path: Path) -> None:
    save(tmp_path, "text", TOKENS)
    with pytest.raises(BadInput, match="axis 'seq'"):
        packed(tmp_path, "text")
    short, long = (packed(tmp_path, "text", {"seq": n, "extra.0": 2}) for n in (4, 9))
    assert short != long
    assert long == packed(tmp_path, "text", {"seq": 9, "extra.0": 2})
    shapes = {
        value.name: [d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim]
        for value in onnx.load_from_string(long).graph.input
    }
    assert shapes == {"ids": ["N", 9], "extra": [2, 3], "flag": []}
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "text.onnx").write_bytes(long)
    space = OwnModels(alone, limits=Limits(seconds=20))
    (stage,) = space.build(space.parse("text"), BuildOptions(batch_size=3))
    assert stage.model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 3


def test_external_weights_travel_inside(tmp_path: Path) -> None:
    weights = save_externally(tmp_path, "net")
    data = packed(tmp_path, "net")
    inside = onnx.load_from_string(data).graph.initializer
    assert [tensor.name for tensor in inside] == ["w", "b", "d", "v"]
    assert not any(tensor.external_data for tensor in inside)
    assert len(data) > weights.stat().st_size > 1000


@pytest.mark.parametrize(
    "text", ["seq", "seq=", "=3", "seq=0", "seq=-1", "seq=1.5", "seq=03", f"seq={MAX_SIZE + 1}"]
)
def test_an_axis_that_is_no_name_and_size_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="must be NAME=SIZE"):
        parse_sizes([text])


def test_axes_are_read_from_the_last_equals_sign_and_must_agree() -> None:
    assert parse_sizes(["seq=8", "a=b=2", "seq=8"]) == {"seq": 8, "a=b": 2}
    with pytest.raises(BadInput, match="'seq' is given two sizes"):
        parse_sizes(["seq=8", "seq=9"])
