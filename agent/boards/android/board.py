"""One phone, measured by this agent from the host beside it."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agent.boards.android.bench import AndroidBench, throttle_of
from agent.boards.android.capture import CapturedSystem, capture
from agent.boards.android.facts import describe, read_properties
from agent.boards.android.link import LinkLost, PhoneLink
from agent.boards.base import Wanted
from agent.boards.bench import TaskFiles
from agent.boards.building import build_stages
from agent.boards.models import ModelFiles, write_model
from agent.conditions import Snapshot, compare, governor, sensors
from agent.conditions.host import format_cores
from agent.conditions.snapshot import READERS
from agent.measure.assemble import Facts, assemble
from agent.measure.batch import PROCESSES, BatchMeasurer, Outcome
from agent.measure.cooldown import CoolDown
from agent.measure.repeat import MAX_EXTRA
from agent.measure.thresholds import Thresholds
from agent.measure.verdict import Setting
from help_core.errors import BadInput
from help_core.records import Board, Failure, FailureClass, Measurement, Settings
from help_core.spaces import Architecture, SearchSpace

UNREADABLE = "unreadable"


class AndroidBoard:
    """Implements ``MeasuringBoard`` on a phone."""

    def __init__(
        self,
        link: PhoneLink,
        bench: AndroidBench,
        cores: Sequence[int],
        *,
        rng: random.Random | None = None,
        thresholds: Thresholds | None = None,
        processes: int = PROCESSES,
        max_extra: int = MAX_EXTRA,
    ) -> None:
        """Reads what phone it is; raises ``LinkLost``."""
        system = capture(link)
        self._properties = read_properties(link)
        self._board = describe(self._properties, system)
        self._link = link
        self._bench = bench
        self._cores = tuple(cores)
        self._thresholds = thresholds or Thresholds()
        self._spaces: dict[str, SearchSpace] = {}
        self._measurer = BatchMeasurer(
            bench,
            CoolDown(sensors.throttling_temperature_c(system) or sensors.HOT_C),
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
        """The phone, as it was read at the start."""
        return self._board

    def default_settings(self) -> Settings:
        """One thread on the CPU."""
        return Settings()

    def interrupt(self) -> None:
        """Ends the measuring process."""
        self._bench.interrupt()

    def ready(self, wait_s: float) -> bool:
        """Whether the phone is there, waiting for it up to ``wait_s``: no cable, no new work."""
        return self._bench.wait_for_phone(wait_s)

    def clean_up(self) -> bool:
        """Removes everything from the phone; whether that was possible."""
        return self._bench.files.clean_up()

    def measure(self, architecture: Architecture, settings: Settings) -> Measurement | Failure:
        """Builds the architecture's models and measures them in fresh processes."""
        return self.measure_batch([(architecture, settings)])[0]

    def measure_batch(self, wanted: Sequence[Wanted]) -> list[Measurement | Failure]:
        """Measures several architectures interleaved, between two runs of the sentinel."""
        found: dict[int, Measurement | Failure] = {}
        files: dict[int, ModelFiles] = {}
        with tempfile.TemporaryDirectory(prefix="help-agent-") as name:
            for index, one in enumerate(wanted):
                made = self._write(one, Path(name) / str(index))
                if isinstance(made, Failure):
                    found[index] = made
                else:
                    files[index] = made
            if files:
                outcomes = self._measure_files(list(files.values()))
                found |= dict(zip(files, outcomes, strict=True))
                self._bench.forget_models(list(files.values()))
        return [found[index] for index in range(len(wanted))]

    def _write(self, wanted: Wanted, folder: Path) -> ModelFiles | Failure:
        architecture, settings = wanted
        built = build_stages(architecture, settings, self._spaces)
        if isinstance(built, Failure):
            return built
        try:
            return write_model(built[0], settings, built[1], folder)
        except BadInput as error:
            return Failure(FailureClass.BAD_MODEL, str(error))

    def _measure_files(self, files: Sequence[ModelFiles]) -> list[Measurement | Failure]:
        before = self._capture()
        if isinstance(before, Failure):
            return [before] * len(files)
        key = replace(files[0].settings, batch_size=1, precision="fp32")
        outcomes = self._measurer.measure([TaskFiles(one) for one in files], key)
        after = self._capture()
        if isinstance(after, Failure):
            # What was measured stands; only the second reading is missing.
            after = CapturedSystem({}, before.settings)
        return [
            self._finish(one, outcome, before, after)
            for one, outcome in zip(files, outcomes, strict=True)
        ]

    def _capture(self) -> CapturedSystem | Failure:
        while not self._bench.is_interrupted:
            try:
                return capture(self._link)
            except LinkLost as error:
                if not self._bench.wait_for_return(error):
                    return Failure(FailureClass.KILLED, f"phone {self._link.serial}: {error}")
        return Failure(FailureClass.KILLED, "interrupted")

    def _finish(
        self, files: ModelFiles, outcome: Outcome, before: CapturedSystem, after: CapturedSystem
    ) -> Measurement | Failure:
        if outcome.failure is not None:
            return outcome.failure
        setting = Setting(
            files.settings.provider,
            governor(before),
            bool(sensors.on_battery(before)),
            facts_changed=bool(after.files) and _modes(before) != _modes(after),
        )
        judgement, used = self._measurer.judge(outcome, setting)
        seen = [replicate.conditions.seen for replicate in outcome.replicates]
        readings = compare(_snapshot(before), _snapshot(after), seen)
        return assemble(
            outcome,
            judgement,
            used,
            Facts(files.build_ms, readings, self._fingerprint(files, outcome, before)),
        )

    def _fingerprint(
        self, files: ModelFiles, outcome: Outcome, system: CapturedSystem
    ) -> dict[str, str]:
        return {
            "model_sha256": files.sha256,
            "board": self._board.model,
            "processor": self._board.processor,
            "kernel": system.settings["kernel"] or UNREADABLE,
            "build": self._properties["ro.build.fingerprint"] or UNREADABLE,
            "provider": files.settings.provider,
            "threads": str(files.settings.threads),
            "affinity": format_cores(set(self._cores)) or "all",
            "governor": governor(system),
            "power_mode": _power_mode(system),
            **outcome.replicates[0].facts,
            "thresholds": str(self._thresholds),
        }


def _modes(system: CapturedSystem) -> tuple[str, str]:
    return governor(system), _power_mode(system)


def _power_mode(system: CapturedSystem) -> str:
    """Whether Android saves its battery, which lowers the clocks."""
    return {"": UNREADABLE, "0": "normal"}.get(system.settings["low_power"], "battery-saver")


def _snapshot(system: CapturedSystem) -> Snapshot:
    values: dict[str, float | None] = {name: read(system) for name, read in READERS.items()}
    status = system.thermal_status
    values["android_thermal_status"] = None if status is None else float(status)
    wakefulness = system.settings.get("wakefulness", "")
    values["screen_on"] = float(wakefulness == "Awake") if wakefulness else None
    return Snapshot(values, throttle_of(system), sensors.swapped_pages(system))
