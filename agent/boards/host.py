"""The board that the agent itself runs on, measured with onnxruntime."""

from __future__ import annotations

import hashlib
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from agent.conditions import Snapshot, compare, describe_host, governor, take_snapshot
from agent.measure.loop import Plan
from agent.measure.process import ChildProcess
from agent.measure.statistics import relative_half_width, summarise
from help_core.errors import BadInput
from help_core.graphs.inputs import random_inputs
from help_core.records import (
    Board,
    ColdFigures,
    Failure,
    FailureClass,
    Measurement,
    Settings,
    Verdict,
)
from help_core.spaces import Architecture, BuildOptions, SearchSpace, Stage, get_space

PROCESSES = 3
"""Fresh processes per architecture (rule 6)."""

MAX_PROCESS_SPREAD = 0.05
MAX_STEAL_PERCENT = 2.0
TIMEOUT_S = 120.0
INPUT_SEED = 0


class HostBoard:
    """Implements ``MeasuringBoard`` on this machine."""

    def __init__(self, plan: Plan | None = None, processes: int = PROCESSES) -> None:
        self._plan = plan or Plan()
        self._processes = processes
        self._child = ChildProcess()
        self._spaces: dict[str, SearchSpace] = {}

    def add_space(self, space: SearchSpace) -> None:
        """Has architectures of this space built by it, rather than by the registered one."""
        self._spaces[space.name] = space

    def describe(self) -> Board:
        """See ``agent.conditions``."""
        return describe_host()

    def default_settings(self) -> Settings:
        """One thread on the CPU."""
        return Settings()

    def interrupt(self) -> None:
        """Kills the measuring process."""
        self._child.kill()

    def measure(self, architecture: Architecture, settings: Settings) -> Measurement | Failure:
        """Builds the architecture's models and measures them in fresh processes."""
        begin = time.perf_counter_ns()
        try:
            space = self._spaces.get(architecture.space) or get_space(architecture.space)
            stages = space.build(
                architecture,
                BuildOptions(batch_size=settings.batch_size, precision=settings.precision),
            )
        except BadInput as error:
            return Failure(FailureClass.BAD_MODEL, str(error))
        build_ms = (time.perf_counter_ns() - begin) / 1e6
        return self.measure_stages(stages, settings, build_ms)

    def measure_stages(
        self, stages: Sequence[Stage], settings: Settings, build_ms: float
    ) -> Measurement | Failure:
        """Measures models that are already built; one inference runs every stage."""
        with tempfile.TemporaryDirectory(prefix="help-agent-") as name:
            folder = Path(name)
            job, digest = _write_job(stages, settings, self._plan, folder)
            before = take_snapshot()
            results: list[dict[str, Any]] = []
            for _ in range(self._processes):
                result = self._child.run(job, folder, TIMEOUT_S)
                if isinstance(result, Failure):
                    return result
                results.append(result)
            return _measurement(results, build_ms, before, digest, settings, self._plan.precision)


def _write_job(
    stages: Sequence[Stage], settings: Settings, plan: Plan, folder: Path
) -> tuple[dict[str, Any], str]:
    """Writes models and inputs; returns the job of the child and the models' hash."""
    digest = hashlib.sha256()
    entries = []
    for index, stage in enumerate(stages):
        model, inputs = folder / f"{index}.onnx", folder / f"{index}.npz"
        data = stage.model.SerializeToString(deterministic=True)
        digest.update(data)
        model.write_bytes(data)
        rng = np.random.default_rng(INPUT_SEED)
        np.savez(inputs, **random_inputs(stage.model, rng))  # type: ignore[arg-type]
        entries.append({"model": str(model), "inputs": str(inputs), "runs": stage.runs})
    job = {
        "provider": settings.provider,
        "threads": settings.threads,
        "stages": entries,
        "plan": asdict(plan),
    }
    return job, digest.hexdigest()


def _measurement(
    results: Sequence[dict[str, Any]],
    build_ms: float,
    before: Snapshot,
    model_sha256: str,
    settings: Settings,
    precision: float,
) -> Measurement:
    parts = [tuple(result["samples_ns"]) for result in results]
    samples = tuple(sample for part in parts for sample in part)
    readings = compare(before, take_snapshot())
    steal = next(reading.after for reading in readings if reading.name == "cpu_steal_percent")
    reasons = []
    if not all(result["steady"] for result in results):
        reasons.append("not-steady")
    if relative_half_width(samples) > precision:
        reasons.append("interval-too-wide")
    medians = [float(np.median(part)) for part in parts]
    if max(medians) > (1 + MAX_PROCESS_SPREAD) * min(medians):
        reasons.append("processes-differ")
    if steal is not None and steal > MAX_STEAL_PERCENT:
        reasons.append("other-load")
    return Measurement(
        samples_ns=samples,
        summary=summarise(samples, parts),
        verdict=Verdict.SUSPECT if reasons else Verdict.VALID,
        reasons=tuple(reasons),
        readings=readings,
        fingerprint={
            "model_sha256": model_sha256,
            "processor": describe_host().processor,
            "kernel": platform.release(),
            "provider": settings.provider,
            "threads": str(settings.threads),
            "governor": governor(),
            **results[0]["facts"],
        },
        processes=tuple(
            ColdFigures(
                build_ms=build_ms,
                session_ms=result["session_ms"],
                first_run_ms=result["first_run_ns"] / 1e6,
                warmup_runs=result["warmup_runs"],
            )
            for result in results
        ),
    )
