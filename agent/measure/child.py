"""The measuring process: ``python -m agent.measure.child JOB.json RESULT.json``.

It imports one runtime, numpy and nothing else heavy, measures the models that the job names and
writes the result in one piece. Whatever goes wrong in the runtime dies with this process. Each
phase is announced on stdout, so that a death or a hang can be told with its phase.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.measure.loop import Plan, sample
from agent.runtimes.base import Loaded, NoProvider, StageFiles, UnknownRuntime
from agent.runtimes.registry import find_runtime

EXIT_BAD_MODEL = 81
EXIT_NO_PROVIDER = 82
EXIT_OUT_OF_MEMORY = 83
EXIT_WRONG_OUTPUT = 84

MEMORY_RUNS = 3
OUT_OF_MEMORY_SIGNS = ("bad_alloc", "bad allocation", "allocate memory", "out of memory")


def main() -> None:
    """Measures the job in ``argv[1]`` and writes the result to ``argv[2]``."""
    job = json.loads(Path(sys.argv[1]).read_text())
    _volunteer_for_the_oom_killer()
    try:
        result = _work(job)
    except (NoProvider, UnknownRuntime) as error:
        _end(EXIT_NO_PROVIDER, error)
    except MemoryError as error:
        _end(EXIT_OUT_OF_MEMORY, error)
    except Exception as error:
        # The runtime's exceptions have no common base; all of them mean that it refused.
        is_memory = any(sign in str(error).lower() for sign in OUT_OF_MEMORY_SIGNS)
        _end(EXIT_OUT_OF_MEMORY if is_memory else EXIT_BAD_MODEL, error)
    target = Path(sys.argv[2])
    scratch = target.with_suffix(".part")
    scratch.write_text(json.dumps(result))
    scratch.replace(target)


def _work(job: dict[str, Any]) -> dict[str, Any]:
    _phase("importing the runtime")
    runtime = find_runtime(job["runtime"])
    if job.get("memory_limit_bytes"):
        _limit_memory(job["memory_limit_bytes"])
    stages = [StageFiles(stage["model"], stage["inputs"], stage["runs"]) for stage in job["stages"]]
    memory = _PeakMemory()
    _phase("loading the model")
    loaded = runtime.load(stages, job["provider"], job["threads"])
    if job.get("mode") == "memory":
        _phase("running for its memory")
        for _ in range(MEMORY_RUNS):
            loaded.run()
        return {"peak_memory_bytes": memory.growth_bytes()}
    _phase("running for the first time")
    begin = time.perf_counter_ns()
    loaded.run()
    first_run_ns = time.perf_counter_ns() - begin
    _check_outputs(loaded, [stage["outputs"] for stage in job["stages"]])
    _phase("measuring")
    result = sample(loaded.run, time.perf_counter_ns, Plan(**job["plan"]), _waiting_clock())
    return {
        **asdict(result),
        "session_ms": loaded.session_ms,
        "first_run_ns": first_run_ns,
        "facts": dict(loaded.facts),
        "assignment": loaded.assignment,
        "enqueue_share": loaded.enqueue_share() if loaded.enqueue_share else None,
    }


def _check_outputs(loaded: Loaded, expected: Sequence[dict[str, list[int]] | None]) -> None:
    """A runtime that miscompiles a model must not be timed: its outputs have their shapes."""
    for found, wanted in zip(loaded.output_shapes(), expected, strict=True):
        for name, shape in (wanted or {}).items():
            if found.get(name) != tuple(shape):
                message = f"output {name!r} has shape {found.get(name)}, not {tuple(shape)}"
                _end(EXIT_WRONG_OUTPUT, ValueError(message))


def _waiting_clock() -> Callable[[], int]:
    """Time in ns that this thread has stood runnable without a core; 0 where Linux tells none.

    The second number of ``/proc/thread-self/schedstat`` (kernel: sched-stats.rst).
    """
    try:
        descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        int(os.pread(descriptor, 64, 0).split()[1])
    except (OSError, IndexError, ValueError):
        return lambda: 0
    pread = os.pread
    return lambda: int(pread(descriptor, 64, 0).split()[1])


class _PeakMemory:
    """How far this process's resident memory grows above where it stood."""

    def __init__(self) -> None:
        with_reset = Path("/proc/self/clear_refs")
        try:
            with_reset.write_text("5")  # resets VmHWM (proc_pid_clear_refs(5))
        except OSError:
            self._start = None
        else:
            self._start = self._read("VmRSS")

    def growth_bytes(self) -> int | None:
        peak = self._read("VmHWM")
        return peak - self._start if peak is not None and self._start is not None else None

    @staticmethod
    def _read(name: str) -> int | None:
        try:
            lines = Path("/proc/self/status").read_text().splitlines()
        except OSError:
            return None
        found = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
        kilobytes = next(found, None)
        return int(kilobytes) * 1024 if kilobytes else None


def _limit_memory(limit_bytes: int) -> None:
    import resource

    # Data, not address space: GPU drivers reserve far more addresses than they use.
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def _volunteer_for_the_oom_killer() -> None:
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return


def _phase(name: str) -> None:
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


def _end(code: int, error: Exception) -> None:
    text = str(error) or "no message"
    sys.stderr.write(f"{type(error).__name__}: {text[:300]}".splitlines()[0])
    sys.exit(code)


if __name__ == "__main__":
    main()
