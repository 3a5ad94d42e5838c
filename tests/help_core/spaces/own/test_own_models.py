"""A user's own models: taken as they are, or refused with one line that says what is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped, unused-ignore]
import pytest
from onnx import TensorProto, helper, numpy_helper

from help_core.errors import BadArchitecture, BadInput
from help_core.graphs.inputs import random_inputs
from help_core.spaces import BuildOptions, SearchSpace
from help_core.spaces.own import Limits, OwnModels
from help_core.spaces.own.limits import STANDARD_DOMAINS
from tests.help_core.spaces.own.own_models import CONVOLUTIONAL, HEADER, TOKENS, model

QUICK = Limits(seconds=20, memory_bytes=4 << 30)


def save(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.onnx"
    path.write_bytes(model(text).SerializeToString())
    return path


def build(folder: Path, name: str = "net", batch: int = 1, **arguments: object) -> onnx.ModelProto:
    arguments.setdefault("limits", QUICK)
    space = OwnModels(folder, **arguments)  # type: ignore[arg-type]
    (stage,) = space.build(space.parse(name), BuildOptions(batch_size=batch))
    assert stage.runs == 1
    return stage.model


def test_a_folder_is_a_search_space_of_its_files(tmp_path: Path) -> None:
    for index in range(12):
        save(tmp_path, f"net-{index:02}", CONVOLUTIONAL)
    (tmp_path / "notes.txt").write_text("not a model")
    space = OwnModels(tmp_path)
    assert isinstance(space, SearchSpace)
    assert len(space.names) == 12
    architecture = space.parse("own:net-03")
    assert architecture == space.parse("net-03") == space.parse(str(architecture))
    assert [a.text for a in space.reference_architectures()] == list(space.names[:10])
    listed = OwnModels([tmp_path / "net-01.onnx"], name="mine")
    assert str(listed.parse("mine:net-01")) == "mine:net-01"
    with pytest.raises(BadArchitecture, match="no model 'net-99'; it has net-00, net-01"):
        space.parse("net-99")
    with pytest.raises(BadArchitecture, match="no model"):
        space.parse("../net-01")


@pytest.mark.parametrize("batch", [1, 3])
def test_built_model_runs_on_random_inputs_at_the_batch_size(tmp_path: Path, batch: int) -> None:
    save(tmp_path, "net", CONVOLUTIONAL)
    built = build(tmp_path, batch=batch)
    onnx.checker.check_model(built, full_check=True)
    session = onnxruntime.InferenceSession(built.SerializeToString())
    (scores,) = session.run(None, random_inputs(built, np.random.default_rng(0)))
    assert scores.shape == (batch, 5)


def test_cost_counts_convolutions_and_products(tmp_path: Path) -> None:
    save(tmp_path, "net", CONVOLUTIONAL)
    space = OwnModels(tmp_path, limits=QUICK)
    cost = space.cost(space.parse("net"))
    assert cost.parameters == 144 + 8 + 128 + 40
    assert cost.multiply_adds == 8 * 16 * 2 * 9 + 8 * 16 * 4 * 4 + 8 * 5


def test_axes_take_their_sizes_from_the_file_beside_the_model(tmp_path: Path) -> None:
    save(tmp_path, "text", TOKENS)
    (tmp_path / "text.toml").write_text('[axes]\nseq = 9\n"extra.0" = 2\n')
    sizes = {"N": 5, "seq": 4}  # For all models; the file's own nine goes first.
    built = build(tmp_path, "text", sizes=sizes)
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*built.graph.input, *built.graph.output]
    }
    assert shapes["ids"] == [5, 9]
    assert shapes["extra"] == [2, 3]
    assert shapes["y"] == [5, 9, 7]
    session = onnxruntime.InferenceSession(built.SerializeToString())
    y, z = session.run(None, random_inputs(built, np.random.default_rng(0)))
    assert (y.shape, z.shape) == ((5, 9, 7), (2, 3))
    space = OwnModels(tmp_path, sizes=sizes, limits=QUICK)
    assert space.cost(space.parse("text")).multiply_adds == 5 * 9 * 6 * 7


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[axes]\nseq = 0", "axis 'seq' needs a whole number"),
        ("[axes]\nseq = true", "axis 'seq' needs a whole number"),
        ("[axes]\nseq = 1.5", "axis 'seq' needs a whole number"),
        ("axes = 3", r"needs one table \[axes\]"),
        ("[axis]\nseq = 1", r"needs one table \[axes\]"),
        ("[axes]\nseq =", "is not TOML"),
        ("[" * 5000, "is not TOML"),
        ("#" * 70_000, "larger than"),
    ],
)
def test_a_bad_file_of_sizes_is_refused(tmp_path: Path, toml: str, message: str) -> None:
    save(tmp_path, "text", TOKENS)
    (tmp_path / "text.toml").write_text(toml)
    with pytest.raises(BadInput, match=message):
        build(tmp_path, "text")


def test_missing_size_and_impossible_batch_are_named(tmp_path: Path) -> None:
    save(tmp_path, "text", TOKENS)
    with pytest.raises(BadInput, match=r"text\.onnx: axis 'seq' of input 'ids\.1' has no size"):
        build(tmp_path, "text")
    with pytest.raises(BadInput, match=r"axis 'extra\.0' of input 'extra\.0' has no size"):
        build(tmp_path, "text", sizes={"seq": 3})
    fixed = CONVOLUTIONAL.replace("batch", "1")
    save(tmp_path, "fixed", fixed)
    with pytest.raises(BadInput, match="cannot be built for batch size 8"):
        build(tmp_path, "fixed", batch=8)
    space = OwnModels(tmp_path)
    with pytest.raises(BadInput, match="measured as it is; convert it to int8"):
        space.build(space.parse("fixed"), BuildOptions(precision="int8"))


NODE = "{ y = Relu(x) }"
PLAIN = f"{HEADER} g (float[2] x) => (float[2] y) {NODE}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PLAIN.replace("Relu", "acme.Fancy"), "operator 'Fancy' of 'acme', which is not a stand"),
        (PLAIN.replace('"" : 17', '"" : 17, "acme" : 1'), "imports operators of 'acme'"),
        (PLAIN.replace("Relu", "com.microsoft.Gelu"), "of 'com.microsoft'"),
        (PLAIN.replace('"" : 17', '"" : 6'), "has opset 6; it needs one, between 7 and"),
        (PLAIN.replace('"" : 17', '"" : 99'), "has opset 99"),
        (PLAIN.replace("ir_version: 8", "ir_version: 999"), "has IR version 999"),
        (PLAIN.replace("ir_version: 8", "ir_version: 2"), "has IR version 2"),
        (PLAIN.replace("float[2] x", "string[2] x"), "input 'x' has an element type"),
        (PLAIN.replace("float[2] x", "seq(float[2]) x"), "input 'x' is not a tensor"),
        (PLAIN.replace("float[2] x", "float x"), "fails onnx.checker"),
        (PLAIN.replace("Relu", "Rleu"), "fails onnx.checker: No Op registered for Rleu"),
        (PLAIN.replace("Relu(x)", "Relu(q)"), "fails onnx.checker"),
        (PLAIN.replace("float[2] x", "float[0] x"), "input 'x', axis 0 has size 0"),
    ],
)
def test_what_a_plain_runtime_cannot_be_given_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    parsed = onnx.parser.parse_model(text)
    (tmp_path / "net.onnx").write_bytes(parsed.SerializeToString())
    with pytest.raises(BadInput, match=r"net\.onnx: ") as caught:
        build(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_foreign_operators_are_taken_where_they_are_allowed(tmp_path: Path) -> None:
    text = PLAIN.replace('"" : 17', '"" : 17, "com.microsoft" : 1').replace(
        "Relu", "com.microsoft.Gelu"
    )
    save(tmp_path, "net", text)
    domains = STANDARD_DOMAINS | {"com.microsoft"}
    built = build(tmp_path, limits=Limits(domains=domains, seconds=20))
    assert built.graph.node[0].domain == "com.microsoft"


def test_functions_and_training_graphs_are_refused(tmp_path: Path) -> None:
    with_function = model(PLAIN)
    with_function.functions.add().name = "f"
    with_training = model(PLAIN)
    with_training.training_info.add()
    for changed, message in ((with_function, "inline them"), (with_training, "for inference")):
        (tmp_path / "net.onnx").write_bytes(changed.SerializeToString())
        with pytest.raises(BadInput, match=message):
            build(tmp_path)


def with_external_weight(folder: Path, location: str, **entries: str) -> onnx.ModelProto:
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensor = numpy_helper.from_array(weight, "w")
    (folder / "weights.bin").write_bytes(b"\0" * 8 + tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "8", "length": "24", **entries}.items():
        tensor.external_data.add(key=key, value=value)
    values = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [2]), ("y", [3]))
    ]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g", values[:1], values[1:], [tensor]
    )
    made = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    (folder / "net.onnx").write_bytes(made.SerializeToString())
    return made


def test_external_weights_become_part_of_the_model(tmp_path: Path) -> None:
    with_external_weight(tmp_path, "weights.bin")
    built = build(tmp_path)
    session = onnxruntime.InferenceSession(built.SerializeToString())
    (y,) = session.run(None, {"x": np.array([1, 2], dtype=np.float32)})
    np.testing.assert_array_equal(y, [6, 9, 12])


@pytest.mark.parametrize(
    ("location", "entries", "message"),
    [
        ("../outside.bin", {}, "must lie in the model's folder"),
        ("a/../../outside.bin", {}, "must lie in the model's folder"),
        ("..\\outside.bin", {}, "must lie in the model's folder"),
        ("/etc/hostname", {}, "must lie in the model's folder"),
        ("C:\\data.bin", {}, "must lie in the model's folder"),
        ("", {}, "must lie in the model's folder"),
        ("a\0b", {}, "must lie in the model's folder"),
        ("link.bin", {}, "leads out of the model's folder"),
        ("linked/outside.bin", {}, "leads out of the model's folder"),
        ("none.bin", {}, "which is not there"),
        (".", {}, "which is not there"),
        ("weights.bin", {"length": "25"}, "needs bytes 8 to 33 of 'weights.bin', which has 32"),
        ("weights.bin", {"offset": "-8"}, "external offset '-8', not a number"),
        ("weights.bin", {"offset": "9" * 40}, "not a number"),
        ("weights.bin", {"length": "20"}, "fails onnx.checker"),
    ],
)
def test_external_data_that_leads_elsewhere_or_does_not_fit_is_refused(
    tmp_path: Path, location: str, entries: dict[str, str], message: str
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(64))
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    (folder / "linked").symlink_to(tmp_path)
    with_external_weight(folder, location, **entries)
    with pytest.raises(BadInput, match=r"net\.onnx: ") as caught:
        build(folder)
    assert message in str(caught.value)


def test_models_above_the_limits_are_refused(tmp_path: Path) -> None:
    save(tmp_path, "net", CONVOLUTIONAL)
    size = (tmp_path / "net.onnx").stat().st_size
    with pytest.raises(BadInput, match=f"has {size} bytes; a model has 1 to 100"):
        build(tmp_path, limits=Limits(model_bytes=100))
    with pytest.raises(BadInput, match="more than 3 nodes"):
        build(tmp_path, limits=Limits(nodes=3, seconds=20))
    made = with_external_weight(tmp_path, "weights.bin")
    limits = Limits(model_bytes=made.ByteSize() + 23, seconds=20)
    with pytest.raises(BadInput, match="with its external data larger than"):
        build(tmp_path, limits=limits)
    (tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(BadInput, match="has 0 bytes"):
        build(tmp_path)


def test_a_file_that_needs_too_much_memory_or_time_ends_only_its_own_process(
    tmp_path: Path,
) -> None:
    # 30 MB of empty nodes: protocol buffers make gigabytes of them.
    bomb = b"\x08\x08\x3a" + varint(2 * 15_000_000) + b"\x0a\x00" * 15_000_000
    (tmp_path / "net.onnx").write_bytes(bomb)
    with pytest.raises(BadInput, match=r"memory|ended the process|nodes"):
        build(tmp_path, limits=Limits(memory_bytes=1 << 30, seconds=20))
    save(tmp_path, "net", CONVOLUTIONAL)
    with pytest.raises(BadInput, match=r"ended the process that checked it|needs more than"):
        build(tmp_path, limits=Limits(memory_bytes=1 << 20, seconds=20))


def test_a_check_without_end_is_ended_by_the_system() -> None:
    code = (
        "from help_core.spaces.own.child import bound_this_process as bound;"
        "from help_core.spaces.own import Limits;"
        "bound(Limits(seconds=1));\nwhile True: pass"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == -signal.SIGXCPU


def test_an_equation_that_the_checker_never_returns_from_is_refused_before(tmp_path: Path) -> None:
    damaged = model(CONVOLUTIONAL)
    einsum = next(node for node in damaged.graph.node if node.op_type == "Einsum")
    einsum.attribute[0].s = b"\xd5\x54\xb2\x73\x41"
    (tmp_path / "net.onnx").write_bytes(damaged.SerializeToString())
    with pytest.raises(BadInput, match=r"Einsum equation .* which is damaged"):
        build(tmp_path)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def test_facts_are_found_once_and_anew_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, "net", CONVOLUTIONAL)
    space = OwnModels(tmp_path, limits=QUICK)
    first = space.cost(space.parse("net"))
    monkeypatch.setattr(subprocess, "run", None)
    assert space.cost(space.parse("net")) == first
    monkeypatch.undo()
    save(tmp_path, "net", PLAIN)
    assert space.cost(space.parse("net")).multiply_adds == 0


def test_multiply_adds_in_a_branch_are_unknown_and_no_number(tmp_path: Path) -> None:
    save(
        tmp_path,
        "net",
        f"{HEADER} g (float[2,2] x, bool c) => (float[2,2] y) {{ y = If(c) <"
        "then_branch = t () => (float[2,2] a) { a = MatMul(x, x) },"
        "else_branch = e () => (float[2,2] b) { b = Relu(x) }> }",
    )
    space = OwnModels(tmp_path, limits=QUICK)
    with pytest.raises(BadInput, match="loop or branch"):
        space.cost(space.parse("net"))
    assert space.build(space.parse("net"), BuildOptions())


@pytest.mark.parametrize("name", ["a b", ".hidden", "ä", "x" * 101, "a\nb"])
def test_file_names_that_make_no_clean_string_are_refused(tmp_path: Path, name: str) -> None:
    save(tmp_path, name, PLAIN)
    with pytest.raises(BadInput, match="letters, digits"):
        OwnModels([tmp_path / f"{name}.onnx"])


def test_empty_folders_missing_folders_and_double_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds 0 \.onnx files"):
        OwnModels(tmp_path)
    with pytest.raises(BadInput, match="is not a folder"):
        OwnModels(tmp_path / "none")
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(BadInput, match="has the same name"):
        OwnModels([save(tmp_path, "net", PLAIN), save(other, "net", PLAIN)])
    gone = OwnModels([tmp_path / "gone.onnx"])
    with pytest.raises(BadInput, match=r"gone\.onnx: cannot be read"):
        gone.build(gone.parse("gone"), BuildOptions())


def test_a_thousand_damaged_files_are_valid_or_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.help_core.spaces.own.own_fuzz", "2000"],
        cwd=Path(__file__).resolve().parents[4],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    counts = json.loads(done.stdout)
    assert counts["accepted"] + counts["refused"] == 2000
    assert counts["accepted"] > 50
    assert counts["refused"] > 500
    assert counts["longest"] < 5
