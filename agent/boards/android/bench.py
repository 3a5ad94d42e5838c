"""The bench of one phone: runner processes, with conditions read around and between them."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.boards.android.binaries import Binaries
from agent.boards.android.capture import STATUS_NAMES, CapturedSystem, capture
from agent.boards.android.dialogue import Runner, RunnerEnded
from agent.boards.android.files import PhoneFiles
from agent.boards.android.link import LinkLost, PhoneLink
from agent.boards.android.samples import PhoneSamples
from agent.boards.bench import SENTINEL_PLAN, TIMEOUT_S, TaskFiles
from agent.boards.models import ModelFiles, write_model
from agent.conditions import sensors
from agent.conditions.throttle import ThrottleState, read_throttle
from agent.measure.evidence import Around, make_replicate
from agent.measure.loop import Plan, sample_timed
from agent.measure.replicate import Replicate
from agent.measure.sentinel import sentinel_stages
from help_core.errors import MeasurementFailed
from help_core.records import Failure, FailureClass

log = logging.getLogger(__name__)

TRIES = 3
"""A process is started anew this often if the cable was pulled meanwhile."""
FRESH_S = 1.0
LOOK_EVERY_S = 2.0
RETURN_S = 600.0
"""How long a measurement waits for an unplugged phone before it is given up for now."""


class AndroidBench:
    """Implements ``Bench`` with processes on a phone."""

    def __init__(
        self,
        link: PhoneLink,
        binaries: Binaries,
        cores: Sequence[int],
        plan: Plan,
        *,
        return_s: float = RETURN_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._binaries = binaries
        self._cores = tuple(cores)
        self._plan = plan
        self._return_s = return_s
        self._clock_s = clock_s
        self.files = PhoneFiles(link)
        self._temperature_c: float | None = None
        self._captured_s = -math.inf
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running: Runner | None = None

    def measure_process(self, task: TaskFiles) -> Replicate | Failure:
        """One fresh process."""
        return self._measure(task.files, self._plan)

    def measure_sentinel(self, task: TaskFiles) -> Replicate | Failure:
        """The sentinel under the task's provider and threads."""
        settings = replace(task.files.settings, batch_size=1, precision="fp32")
        folder = task.files.folder / "sentinel"
        return self._measure(write_model(sentinel_stages(), settings, 0.0, folder), SENTINEL_PLAN)

    def temperature_c(self) -> float | None:
        """The phone's temperature, at most ``FRESH_S`` old; ``None`` also while it is away."""
        if self._clock_s() - self._captured_s > FRESH_S:
            try:
                self._capture()
            except LinkLost:
                return None
        return self._temperature_c

    def pause(self, seconds: float) -> bool:
        """Waits; whether the measurement was interrupted meanwhile."""
        return self._stop.wait(seconds)

    def interrupt(self) -> None:
        """Ends the running process and refuses new ones."""
        self._stop.set()
        with self._lock:
            if self._running is not None:
                self._running.kill()

    @property
    def is_interrupted(self) -> bool:
        """Whether ``interrupt`` was called."""
        return self._stop.is_set()

    def wait_for_phone(self, timeout_s: float) -> bool:
        """Whether the phone answers, waiting for it up to ``timeout_s``."""
        until_s = self._clock_s() + timeout_s
        while not self._stop.is_set():
            if self._link.is_there():
                return True
            if self._clock_s() >= until_s:
                return False
            self._stop.wait(LOOK_EVERY_S)
        return False

    def wait_for_return(self, error: LinkLost) -> bool:
        """Whether an unplugged phone came back in the time that a measurement waits for it."""
        serial = self._link.serial
        log.warning("phone %s went away: %s; waiting for it", serial, error)
        self.files.forget()
        is_back = self.wait_for_phone(self._return_s)
        if is_back:
            log.info("phone %s is back", serial)
        return is_back

    def forget_models(self, batch: Sequence[ModelFiles]) -> None:
        """Deletes the models of a batch from the phone, as far as it is there."""
        try:
            self.files.remove(Path(stage["model"]) for files in batch for stage in files.stages)
        except LinkLost:
            # What stays is removed with the folder at the end.
            return

    def _capture(self) -> CapturedSystem:
        system = capture(self._link)
        self._temperature_c, self._captured_s = sensors.temperature_c(system), self._clock_s()
        return system

    def _measure(self, files: ModelFiles, plan: Plan) -> Replicate | Failure:
        lost = "interrupted"
        for _ in range(TRIES):
            if self._stop.is_set():
                break
            try:
                return self._measure_once(files, plan)
            except RunnerEnded as ended:
                return ended.failure
            except MeasurementFailed as error:
                return Failure(FailureClass.CRASHED, str(error))
            except (KeyError, TypeError, ValueError) as error:
                return Failure(FailureClass.CRASHED, f"the runner's answer is damaged: {error!r}")
            except LinkLost as error:
                lost = f"phone {self._link.serial} went away: {error}"
                if not self.wait_for_return(error):
                    break
        return Failure(FailureClass.KILLED, lost)

    def _measure_once(self, files: ModelFiles, plan: Plan) -> Replicate:
        words = [self.files.put(self._binaries.runner, executable=True)]
        words.append(self.files.put(self._binaries.library))
        models = [self.files.put(Path(stage["model"])) for stage in files.stages]
        before = self._capture()
        runner = Runner(self._link, words, TIMEOUT_S)
        with self._lock:
            self._running = runner
        try:
            with runner:
                if self._stop.is_set():
                    runner.kill()
                samples = PhoneSamples(runner, before)
                answer = self._converse(runner, samples, files, models, plan)
        finally:
            with self._lock:
                self._running = None
        return make_replicate(answer, self._around(samples, before, self._capture()))

    def _converse(
        self,
        runner: Runner,
        samples: PhoneSamples,
        files: ModelFiles,
        models: Sequence[str],
        plan: Plan,
    ) -> dict[str, Any]:
        settings = files.settings
        runner.tell(f"deadline {round(TIMEOUT_S) + 5}", f"threads {settings.threads}")
        if self._cores:
            runner.tell(f"cores {','.join(map(str, self._cores))}")
        runner.tell(f"provider {settings.provider}")
        for stage, path in zip(files.stages, models, strict=True):
            runner.tell(f"stage {stage['runs']} {path}")
        loaded = runner.ask("load", "loading the model")
        samples.watch()
        first = runner.ask("first", "running for the first time")
        _check_outputs(first["outputs"], [stage["outputs"] for stage in files.stages])
        samples.begin(first)
        result = sample_timed(samples.timed, samples.clock_ns, plan)
        return {
            "samples_ns": result.samples_ns,
            "waited_ns": result.waited_ns,
            "steady": result.steady,
            "stopped": result.stopped,
            "warmup_runs": result.warmup_runs,
            "begin_ns": result.begin_ns,
            "end_ns": result.end_ns,
            "session_ms": loaded["session_ns"] / 1e6,
            "first_run_ns": first["first_run_ns"],
            "facts": {"runtime": f"onnxruntime {loaded['version']}", "copies": "none"},
            "assignment": {loaded["ran_on"]: 1} if loaded["ran_on"] else None,
            "enqueue_share": None,
        }

    def _around(
        self, samples: PhoneSamples, before: CapturedSystem, after: CapturedSystem
    ) -> Around:
        return Around(
            load=samples.load(),
            throttle_before=throttle_of(before),
            throttle_after=throttle_of(after),
            moments=samples.moments,
            swapped_pages=_difference(before, after),
            nominal_clock_mhz=sensors.nominal_clock_mhz(before),
            energy_wrap_uj=None,
        )


def throttle_of(system: CapturedSystem) -> ThrottleState:
    """The signs in files, and Android's own thermal status."""
    state = read_throttle(system, commands=False)
    status = system.thermal_status
    if status is None:
        return state
    name = STATUS_NAMES[min(status, len(STATUS_NAMES) - 1)]
    active = state.active | ({f"android-thermal-{name}"} if status > 0 else set())
    return ThrottleState(frozenset(active), state.since_boot, state.counters, readable=True)


def _check_outputs(
    found: Sequence[dict[str, list[int]]], expected: Sequence[dict[str, list[int]]]
) -> None:
    for shapes, wanted in zip(found, expected, strict=True):
        for name, shape in wanted.items():
            if shapes.get(name) != shape:
                message = f"output {name[:60]!r} has shape {shapes.get(name)}, not {shape}"
                raise RunnerEnded(Failure(FailureClass.WRONG_OUTPUT, message))


def _difference(before: CapturedSystem, after: CapturedSystem) -> float | None:
    first, last = sensors.swapped_pages(before), sensors.swapped_pages(after)
    return None if first is None or last is None else last - first
