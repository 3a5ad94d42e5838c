"""The board that the agent itself runs on."""

from __future__ import annotations

import platform
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agent.boards.base import Wanted
from agent.boards.bench import CPU_PROVIDERS, HostBench, TaskFiles
from agent.boards.building import build_stages
from agent.boards.models import ModelFiles, write_model
from agent.conditions import (
    Snapshot,
    System,
    affinity,
    compare,
    describe_host,
    governor,
    power_mode,
    sensors,
    take_snapshot,
)
from agent.conditions.kinds import find_kind
from agent.measure.assemble import Facts, assemble
from agent.measure.batch import PROCESSES, BatchMeasurer, Outcome
from agent.measure.cooldown import CoolDown
from agent.measure.loop import Plan
from agent.measure.repeat import MAX_EXTRA
from agent.measure.thresholds import Thresholds
from agent.measure.verdict import Setting
from help_core.errors import BadInput
from help_core.records import Board, Failure, FailureClass, Measurement, Reading, Settings
from help_core.spaces import Architecture, SearchSpace, Stage


class HostBoard:
    """Implements ``MeasuringBoard`` on this machine."""

    def __init__(
        self,
        plan: Plan | None = None,
        processes: int = PROCESSES,
        *,
        system: System | None = None,
        thresholds: Thresholds | None = None,
        rng: random.Random | None = None,
        with_memory: bool = False,
        max_extra: int = MAX_EXTRA,
    ) -> None:
        self._system = system or System()
        self._kind = find_kind(self._system)
        self._described = describe_host(self._system, self._kind)
        self._thresholds = thresholds or Thresholds()
        self._bench = HostBench(self._system, plan or Plan())
        self._with_memory = with_memory
        self._spaces: dict[str, SearchSpace] = {}
        throttles_at_c = sensors.throttling_temperature_c(self._system) or sensors.HOT_C
        self._measurer = BatchMeasurer(
            self._bench,
            CoolDown(throttles_at_c),
            rng or random.Random(),
            time.monotonic,
            self._thresholds,
            processes,
            max_extra,
        )

    def add_space(self, space: SearchSpace) -> None:
        """Has architectures of this space built by it, rather than by the registered one."""
        self._spaces[space.name] = space

    def describe(self) -> Board:
        """What this machine was recognised as when the board was made."""
        return self._described

    def default_settings(self) -> Settings:
        """One thread on the CPU."""
        return Settings()

    def interrupt(self) -> None:
        """Kills the measuring process."""
        self._bench.interrupt()

    def measure(self, architecture: Architecture, settings: Settings) -> Measurement | Failure:
        """Builds the architecture's models and measures them in fresh processes."""
        built = build_stages(architecture, settings, self._spaces)
        if isinstance(built, Failure):
            return built
        stages, build_ms = built
        return self.measure_stages(stages, settings, build_ms)

    def measure_stages(
        self, stages: Sequence[Stage], settings: Settings, build_ms: float
    ) -> Measurement | Failure:
        """Measures models that are already built; one inference runs every stage."""
        with tempfile.TemporaryDirectory(prefix="help-agent-") as name:
            try:
                files = write_model(stages, settings, build_ms, Path(name))
            except BadInput as error:
                return Failure(FailureClass.BAD_MODEL, str(error))
            return self._measure_files([files], with_sentinel=False)[0]

    def measure_batch(self, wanted: Sequence[Wanted]) -> list[Measurement | Failure]:
        """Measures several architectures interleaved, between two runs of the sentinel."""
        found: dict[int, Measurement | Failure] = {}
        files: dict[int, ModelFiles] = {}
        with tempfile.TemporaryDirectory(prefix="help-agent-") as name:
            for index, (architecture, settings) in enumerate(wanted):
                built = build_stages(architecture, settings, self._spaces)
                if isinstance(built, Failure):
                    found[index] = built
                    continue
                try:
                    files[index] = write_model(
                        built[0], settings, built[1], Path(name) / str(index)
                    )
                except BadInput as error:
                    found[index] = Failure(FailureClass.BAD_MODEL, str(error))
            outcomes = self._measure_files(list(files.values()), with_sentinel=True)
            found |= dict(zip(files, outcomes, strict=True))
        return [found[index] for index in range(len(wanted))]

    def _measure_files(
        self, files: Sequence[ModelFiles], *, with_sentinel: bool
    ) -> list[Measurement | Failure]:
        if not files:
            return []
        tasks = [TaskFiles(one) for one in files]
        key = replace(files[0].settings, batch_size=1, precision="fp32") if with_sentinel else None
        modes = self._modes()
        before = take_snapshot(self._system, self._kind)
        outcomes = self._measurer.measure(tasks, key)
        after = take_snapshot(self._system, self._kind)
        has_changed = modes != self._modes()
        return [
            self._finish(one, outcome, before, after, facts_changed=has_changed)
            for one, outcome in zip(files, outcomes, strict=True)
        ]

    def _finish(
        self,
        files: ModelFiles,
        outcome: Outcome,
        before: Snapshot,
        after: Snapshot,
        *,
        facts_changed: bool,
    ) -> Measurement | Failure:
        if outcome.failure is not None:
            return outcome.failure
        setting = Setting(
            files.settings.provider,
            governor(self._system),
            bool(sensors.on_battery(self._system)),
            facts_changed,
        )
        judgement, used = self._measurer.judge(outcome, setting)
        readings = compare(before, after, [r.conditions.seen for r in outcome.replicates])
        if self._with_memory:
            readings += (Reading("peak_memory_mb", None, self._bench.measure_memory(files)),)
        facts = Facts(files.build_ms, readings, self._fingerprint(files, outcome))
        return assemble(outcome, judgement, used, facts)

    def _fingerprint(self, files: ModelFiles, outcome: Outcome) -> dict[str, str]:
        board = self.describe()
        return {
            "model_sha256": files.sha256,
            "board": board.model,
            "processor": board.processor,
            "kernel": platform.release(),
            "provider": files.settings.provider,
            "threads": str(files.settings.threads),
            "affinity": affinity(),
            "governor": governor(self._system),
            "power_mode": power_mode(self._system, self._kind),
            **self._gpu_facts(files.settings.provider),
            **outcome.replicates[0].facts,
            "thresholds": str(self._thresholds),
        }

    def _gpu_facts(self, provider: str) -> dict[str, str]:
        gpu = self._system.gpu
        if gpu is None or provider in CPU_PROVIDERS:
            return {}
        limit_w = gpu.power_limit_w()
        limit = "unreadable" if limit_w is None else f"{limit_w:g} W"
        return {"gpu": gpu.name(), "gpu_driver": gpu.driver(), "gpu_power_limit": limit}

    def _modes(self) -> tuple[str, str]:
        return governor(self._system), power_mode(self._system, self._kind)
