"""The compiled runner on this machine: what it measures, and how it says that it cannot."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from agent.boards.android.binaries import Binaries
from agent.boards.models import write_model
from agent.measure.sentinel import sentinel_stages
from help_core.records import Settings

ELEMENTS = [
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT8,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.BOOL,
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_model(sentinel_stages(), Settings(), 0.0, folder)
    return folder / "0.onnx"


def converse(binaries: Binaries, *commands: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [str(binaries.runner), str(binaries.library)],
        input="".join(f"{command}\n" for command in commands),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_chunk_holds_samples_under_one_clock(binaries: Binaries, model: Path) -> None:
    loaded, first, chunk = converse(binaries, f"stage 1 {model}", "load", "first", "run 7 60000")
    assert loaded["ran_on"] == "CPUExecutionProvider"
    assert loaded["session_ns"] > 0
    assert list(first["outputs"][0].values()) == [[1, 32, 1, 1]]
    assert len(chunk["samples_ns"]) == len(chunk["waited_ns"]) == 7
    ends, walls = np.array(chunk["ends_ns"]), np.array(chunk["samples_ns"])
    assert first["at_ns"] < ends[0] - walls[0]
    assert (ends[1:] - walls[1:] >= ends[:-1]).all()
    assert (walls > np.array(chunk["waited_ns"])).all()
    assert chunk["at_ns"] >= ends[-1]


def test_a_chunk_ends_when_its_time_is_over(binaries: Binaries, model: Path) -> None:
    *_, chunk = converse(binaries, f"stage 1 {model}", "load", "first", "run 4000 0")
    assert len(chunk["samples_ns"]) == 1


def test_a_stage_runs_as_often_as_told(binaries: Binaries, model: Path) -> None:
    def fastest_ns(runs: int) -> int:
        *_, chunk = converse(binaries, f"stage {runs} {model}", "load", "first", "run 10 60000")
        return int(min(chunk["samples_ns"]))

    assert fastest_ns(8) > 4 * fastest_ns(1)


def test_watched_files_are_read_after_each_chunk(
    binaries: Binaries, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "clock").write_text('1800000 "quoted"\nsecond line\n')
    *_, chunk = converse(
        binaries,
        f"stage 1 {model}",
        f"watch {tmp_path}/clock",
        f"watch {tmp_path}/absent",
        "load",
        "first",
        "run 1 0",
    )
    assert chunk["watched"] == ['1800000 "quoted"', None]


@pytest.mark.parametrize("element", ELEMENTS)
def test_inputs_of_any_type_are_made(binaries: Binaries, tmp_path: Path, element: int) -> None:
    """The sum of the magnitudes proves that inputs are neither zero nor out of range."""
    value = helper.make_tensor_value_info("x", element, [64])
    out = helper.make_tensor_value_info("y", element, [64])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [out])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "m.onnx")
    _, first = converse(binaries, f"stage 1 {tmp_path}/m.onnx", "load", "first")
    assert first["outputs"] == [{"y": [64]}]


def test_a_model_with_a_free_axis_is_refused(binaries: Binaries, tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [out])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "m.onnx")
    (refusal,) = converse(binaries, f"stage 1 {tmp_path}/m.onnx", "load")
    assert refusal["error"] == "bad-model"
    assert "axis 0 has no fixed size" in refusal["message"]


def test_a_file_that_is_no_model_is_a_bad_model(binaries: Binaries, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    (refusal,) = converse(binaries, f"stage 1 {tmp_path}/m.onnx", "load")
    assert refusal["error"] == "bad-model"


def test_a_provider_that_the_build_lacks_is_named(binaries: Binaries, model: Path) -> None:
    (refusal,) = converse(binaries, "provider QNNExecutionProvider", f"stage 1 {model}", "load")
    assert refusal["error"] == "no-provider"
    assert "QNNExecutionProvider" in refusal["message"]


def test_a_library_that_is_no_onnxruntime_is_refused(binaries: Binaries) -> None:
    (refusal,) = converse(Binaries(binaries.runner, binaries.runner))
    assert refusal["error"] == "no-provider"


@pytest.mark.parametrize("command", ["sing", "stage 0 /x", "cores x", "run", "cores 99999"])
def test_a_command_that_it_does_not_know_ends_it(binaries: Binaries, command: str) -> None:
    (refusal,) = converse(binaries, command)
    assert refusal["error"] == "bad-command"


def test_it_measures_on_the_named_core(binaries: Binaries, model: Path) -> None:
    core = max(os.sched_getaffinity(0))
    with subprocess.Popen(
        [str(binaries.runner), str(binaries.library)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"cores {core}\nstage 1 {model}\nload\n")
        process.stdin.flush()
        assert "session_ns" in process.stdout.readline()
        assert os.sched_getaffinity(process.pid) == {core}
        process.stdin.close()
        # The end of stdin is its end.
        assert process.wait(10) == 0


def test_its_deadline_ends_it_whatever_hangs(binaries: Binaries) -> None:
    with subprocess.Popen(
        [str(binaries.runner), str(binaries.library)], stdin=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write("deadline 1\n")
        process.stdin.flush()
        assert process.wait(20) == -14
