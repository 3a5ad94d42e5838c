"""The bench of this machine: measuring processes, with conditions read around each of them."""

from __future__ import annotations

import resource
import threading
import time

from agent.boards.models import ModelFiles, write_model
from agent.conditions import Sampler, System, sensors
from agent.conditions.energy import wrap_uj
from agent.conditions.load import load_between, read_cpu_times, read_oom_kills
from agent.conditions.throttle import ThrottleState, read_throttle
from agent.measure.evidence import Around, make_replicate
from agent.measure.loop import Plan
from agent.measure.process import ChildProcess
from agent.measure.replicate import Replicate
from agent.measure.sentinel import sentinel_stages
from help_core.records import Failure, FailureClass

TIMEOUT_S = 120.0
MEMORY_SHARE = 0.9
"""Of what is available, a process may take this much before it ends as out of memory."""

SENTINEL_PLAN = Plan(max_warmup_s=0.3, min_sampling_s=0.1, max_sampling_s=0.3)
CPU_PROVIDERS = ("CPUExecutionProvider", "cpu")


class TaskFiles:
    """A task of a batch: two equal models are still two tasks."""

    def __init__(self, files: ModelFiles) -> None:
        self.files = files


class HostBench:
    """Implements ``Bench`` with real processes."""

    def __init__(self, system: System, plan: Plan) -> None:
        self._system = system
        self._plan = plan
        self._child = ChildProcess(lambda: read_oom_kills(system))
        self._stop = threading.Event()

    def measure_process(self, task: TaskFiles) -> Replicate | Failure:
        """One fresh process."""
        return self._measure(task.files, self._plan)

    def measure_sentinel(self, task: TaskFiles) -> Replicate | Failure:
        """The sentinel under the task's runtime, provider and threads."""
        settings = task.files.settings
        folder = task.files.folder / "sentinel"
        files = write_model(sentinel_stages(), settings, 0.0, folder)
        return self._measure(files, SENTINEL_PLAN)

    def measure_memory(self, files: ModelFiles) -> float | None:
        """Peak memory in MB in a run of its own (rule 17); ``None`` where it cannot be told."""
        answer = self._child.run(files.job(self._plan, mode="memory"), files.folder, TIMEOUT_S)
        if isinstance(answer, Failure) or answer["peak_memory_bytes"] is None:
            return None
        return float(answer["peak_memory_bytes"]) / 2**20

    def temperature_c(self) -> float | None:
        """The board's temperature now."""
        return sensors.temperature_c(self._system)

    def pause(self, seconds: float) -> bool:
        """Waits; whether the measurement was interrupted meanwhile."""
        return self._stop.wait(seconds)

    def interrupt(self) -> None:
        """Ends the running process and refuses new ones."""
        self._stop.set()
        self._child.kill()

    def _measure(self, files: ModelFiles, plan: Plan) -> Replicate | Failure:
        system = self._system
        job = files.job(plan, memory_limit_bytes=self._memory_limit(files))
        gpu = files.settings.provider not in CPU_PROVIDERS
        throttle = read_throttle(system, gpu=gpu)
        swapped = sensors.swapped_pages(system)
        times, own_s, begin_s = read_cpu_times(system), _own_s(), time.monotonic()
        with Sampler(system, time.perf_counter_ns, gpu=gpu) as sampler:
            answer = self._child.run(job, files.folder, TIMEOUT_S)
        elapsed_s = time.monotonic() - begin_s
        if isinstance(answer, Failure):
            return answer
        try:
            return make_replicate(
                answer,
                Around(
                    load=load_between(times, read_cpu_times(system), _own_s() - own_s, elapsed_s),
                    throttle_before=throttle,
                    throttle_after=self._throttle_after(throttle, gpu),
                    moments=sampler.moments,
                    swapped_pages=_difference(swapped, sensors.swapped_pages(system)),
                    nominal_clock_mhz=sensors.nominal_clock_mhz(system),
                    energy_wrap_uj=None if gpu else wrap_uj(system),
                ),
            )
        except (KeyError, TypeError) as error:
            return Failure(FailureClass.CRASHED, f"the process's answer is damaged: {error!r}")

    def _throttle_after(self, before: ThrottleState, gpu: bool) -> ThrottleState:
        # A board that told nothing before the process tells nothing after it.
        return read_throttle(self._system, commands=before.readable, gpu=gpu)

    def _memory_limit(self, files: ModelFiles) -> int | None:
        available_mb = sensors.memory_available_mb(self._system)
        if files.settings.provider not in CPU_PROVIDERS or available_mb is None:
            return None
        return round(MEMORY_SHARE * available_mb * 2**20)


def _own_s() -> float:
    """Processor time of this process and of the children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
