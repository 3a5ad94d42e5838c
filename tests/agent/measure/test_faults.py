"""Faults in the real measuring process: each has its class, and the agent goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from agent.boards.models import ModelFiles, write_model
from agent.measure.loop import Plan
from agent.measure.process import ChildProcess
from agent.measure.sentinel import sentinel_stages
from agent.runtimes.faulty import FAULTS, NAME, FaultyRuntime
from help_core.graphs.builder import GraphBuilder
from help_core.records import Failure, FailureClass, Settings
from help_core.spaces import Stage

QUICK = Plan(min_sampling_s=0.01, max_sampling_s=0.05, max_warmup_s=0.05)
LIMIT = 2**30
CLASSES = {
    "sigsegv": FailureClass.CRASHED,
    "sigill": FailureClass.ILLEGAL_INSTRUCTION,
    "sigkill": FailureClass.KILLED,
    "sigabrt": FailureClass.CRASHED,
    "memory": FailureClass.OUT_OF_MEMORY,
    "endless": FailureClass.TIMED_OUT,
    "exit": FailureClass.CRASHED,
    "wrong-output": FailureClass.WRONG_OUTPUT,
}


def _files(folder: Path, settings: Settings, stages: Sequence[Stage] | None = None) -> ModelFiles:
    return write_model(stages or sentinel_stages(), settings, 1.0, folder)


def _run(files: ModelFiles, timeout_s: float = 60.0, limit: int = LIMIT) -> Failure:
    answer = ChildProcess().run(files.job(QUICK, memory_limit_bytes=limit), files.folder, timeout_s)
    assert isinstance(answer, Failure), answer
    return answer


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_class_and_is_told_with_its_phase(tmp_path: Path, fault: str) -> None:
    files = _files(tmp_path, Settings(runtime=NAME, provider=fault))
    failure = _run(files, timeout_s=3.0 if fault == "endless" else 60.0)
    assert failure.failure_class is CLASSES[fault]
    assert "\n" not in failure.message
    if failure.failure_class in (FailureClass.CRASHED, FailureClass.KILLED, FailureClass.TIMED_OUT):
        assert "running for the first time" in failure.message


def test_the_agent_measures_on_after_a_fault(tmp_path: Path) -> None:
    child = ChildProcess()
    for fault in ("sigsegv", "sigkill"):
        files = _files(tmp_path / fault, Settings(runtime=NAME, provider=fault))
        assert isinstance(child.run(files.job(QUICK), files.folder, 60), Failure)
    files = _files(tmp_path / "good", Settings())
    answer = child.run(files.job(QUICK), files.folder, 60)
    assert not isinstance(answer, Failure)
    assert min(answer["samples_ns"]) > 0


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_corrupt_model_is_a_bad_model(tmp_path: Path, share: float) -> None:
    files = _files(tmp_path, Settings())
    model = tmp_path / "0.onnx"
    data = model.read_bytes()
    model.write_bytes(data[: int(share * len(data))])
    assert _run(files).failure_class is FailureClass.BAD_MODEL


def test_a_model_that_does_not_fit_its_memory_is_out_of_memory(tmp_path: Path) -> None:
    builder = GraphBuilder("large", "fp32", seed=0)
    image = builder.input("image", (1, 4, 1024, 1024))
    value = builder.conv(image, 4, 64, 3)
    stages = (Stage("large", builder.finish([(value, (1, 64, 1024, 1024))])),)
    files = _files(tmp_path, Settings(), stages)
    assert _run(files, limit=200 * 2**20).failure_class is FailureClass.OUT_OF_MEMORY


def test_a_model_whose_outputs_are_not_as_declared_is_refused(tmp_path: Path) -> None:
    files = _files(tmp_path, Settings())
    job = files.job(QUICK)
    (name,) = files.stages[0]["outputs"]
    job["stages"] = [files.stages[0] | {"outputs": {name: [1, 33, 1, 1]}}]
    failure = ChildProcess().run(job, tmp_path, 60)
    assert isinstance(failure, Failure)
    assert failure.failure_class is FailureClass.WRONG_OUTPUT
    assert "(1, 33, 1, 1)" in failure.message


def test_an_unknown_fault_names_those_there_are() -> None:
    assert set(FaultyRuntime().providers()) == set(CLASSES)


def test_an_unknown_runtime_is_no_provider(tmp_path: Path) -> None:
    failure = _run(_files(tmp_path, Settings(runtime="tensorflow")))
    assert failure.failure_class is FailureClass.NO_PROVIDER
    assert "onnxruntime" in failure.message


def test_peak_memory_grows_with_the_model_and_is_measured_in_a_run_of_its_own(
    tmp_path: Path,
) -> None:
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("/proc/self/clear_refs cannot be written here")
    peaks = []
    for size in (128, 512):
        builder = GraphBuilder("image", "fp32", seed=0)
        image = builder.input("image", (1, 32, size, size))
        value = builder.relu(builder.conv(image, 32, 32, 3))
        stages = (Stage("image", builder.finish([(value, (1, 32, size, size))])),)
        files = _files(tmp_path / str(size), Settings(), stages)
        answer = ChildProcess().run(files.job(QUICK, mode="memory"), files.folder, 60)
        assert not isinstance(answer, Failure)
        peaks.append(answer["peak_memory_bytes"])
    activation = 32 * 512 * 512 * 4
    assert peaks[1] > peaks[0] + activation
    assert peaks[1] < 10 * activation


def test_all_stages_of_an_inference_make_one_sample(tmp_path: Path) -> None:
    (stage,) = sentinel_stages()
    once = _files(tmp_path / "once", Settings(), (stage,))
    often = _files(tmp_path / "often", Settings(), (stage, Stage("again", stage.model, runs=9)))
    medians = []
    for files in (once, often):
        answer = ChildProcess().run(files.job(QUICK), files.folder, 60)
        assert not isinstance(answer, Failure)
        medians.append(np.median(np.subtract(answer["samples_ns"], answer["waited_ns"])))
    assert 6 < medians[1] / medians[0] < 16
