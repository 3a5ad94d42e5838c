"""The real measuring process, with the ways it can die."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.boards.host import HostBoard
from agent.measure.loop import Plan
from agent.measure.process import ChildProcess, explain_death
from help_core.records import Failure, FailureClass, Measurement, Settings
from help_core.spaces import BuildOptions, get_space

CELL = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"
ENDLESS = Plan(min_sampling_s=99, max_sampling_s=99, max_samples=10**9)
QUICK = Plan(min_sampling_s=0.02, max_sampling_s=0.1, max_warmup_s=0.1)


def _job(folder: Path, model: bytes, provider: str = "CPUExecutionProvider") -> dict[str, Any]:
    (folder / "0.onnx").write_bytes(model)
    np.savez(folder / "0.npz", image=np.ones((1, 3, 32, 32), dtype=np.float32))
    stage = {"model": str(folder / "0.onnx"), "inputs": str(folder / "0.npz"), "runs": 1}
    return {
        "runtime": "onnxruntime",
        "provider": provider,
        "threads": 1,
        "stages": [stage | {"outputs": {}}],
        "plan": asdict(QUICK),
    }


def _model() -> bytes:
    space = get_space("nasbench201")
    (stage,) = space.build(space.parse(CELL), BuildOptions())
    data: bytes = stage.model.SerializeToString()
    return data


def test_an_architecture_is_measured_with_samples_conditions_and_fingerprint() -> None:
    board = HostBoard(QUICK, processes=2, max_extra=0)
    outcome = board.measure(get_space("nasbench201").parse(CELL), Settings())
    assert isinstance(outcome, Measurement)
    assert 0 < outcome.summary.median_ms < 1000
    assert outcome.summary.low_ms <= outcome.summary.median_ms <= outcome.summary.high_ms
    assert len(outcome.processes) == 2
    assert {"load_1min", "cpu_steal_percent"} <= {reading.name for reading in outcome.readings}
    assert outcome.fingerprint["runtime"].startswith("onnxruntime")
    assert len(outcome.fingerprint["model_sha256"]) == 64


def test_the_same_architecture_has_the_same_model_hash_each_time() -> None:
    assert _model() == _model()


def test_a_damaged_model_is_a_bad_model(tmp_path: Path) -> None:
    outcome = ChildProcess().run(_job(tmp_path, b"no model at all"), tmp_path, 60)
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is FailureClass.BAD_MODEL


def test_a_provider_that_the_build_lacks_is_named_with_those_it_has(tmp_path: Path) -> None:
    outcome = ChildProcess().run(_job(tmp_path, _model(), "NoSuchProvider"), tmp_path, 60)
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is FailureClass.NO_PROVIDER
    assert "CPUExecutionProvider" in outcome.message


def test_a_process_that_hangs_is_ended_at_its_limit(tmp_path: Path) -> None:
    job = _job(tmp_path, _model()) | {
        "plan": asdict(Plan(min_sampling_s=99, max_sampling_s=99, max_samples=10**9))
    }
    begin = time.monotonic()
    outcome = ChildProcess().run(job, tmp_path, 3)
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is FailureClass.TIMED_OUT
    assert time.monotonic() - begin < 10


def test_a_stop_ends_a_measurement_that_runs(tmp_path: Path) -> None:
    job = _job(tmp_path, _model()) | {
        "plan": asdict(Plan(min_sampling_s=99, max_sampling_s=99, max_samples=10**9))
    }
    child = ChildProcess()
    threading.Timer(1.5, child.kill).start()
    begin = time.monotonic()
    assert isinstance(child.run(job, tmp_path, 60), Failure)
    assert time.monotonic() - begin < 30
    assert isinstance(child.run(job, tmp_path, 60), Failure)


@pytest.mark.parametrize(
    ("returncode", "message", "oom_killed", "kind"),
    [
        (-11, "", False, FailureClass.CRASHED),
        (-4, "", False, FailureClass.ILLEGAL_INSTRUCTION),
        (-9, "", True, FailureClass.OUT_OF_MEMORY),
        (-9, "", False, FailureClass.KILLED),
        (-6, "terminate called: std::bad_alloc", False, FailureClass.OUT_OF_MEMORY),
        (-64, "", False, FailureClass.CRASHED),
        (1, "", False, FailureClass.CRASHED),
    ],
)
def test_ways_of_dying_are_told_apart(
    returncode: int, message: str, oom_killed: bool, kind: FailureClass
) -> None:
    failure = explain_death(returncode, message, "measuring", oom_killed)
    assert failure.failure_class is kind
