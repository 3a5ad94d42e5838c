"""Runs the measuring process and tells its ways of dying apart (rule 24).

It is spawned, never forked: fork and gRPC do not mix (rule 25).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.measure.child import (
    EXIT_BAD_MODEL,
    EXIT_NO_PROVIDER,
    EXIT_OUT_OF_MEMORY,
    EXIT_WRONG_OUTPUT,
    OUT_OF_MEMORY_SIGNS,
)
from help_core.records import Failure, FailureClass

CLASSES = {
    EXIT_BAD_MODEL: FailureClass.BAD_MODEL,
    EXIT_NO_PROVIDER: FailureClass.NO_PROVIDER,
    EXIT_OUT_OF_MEMORY: FailureClass.OUT_OF_MEMORY,
    EXIT_WRONG_OUTPUT: FailureClass.WRONG_OUTPUT,
}


class ChildProcess:
    """Starts one measuring process at a time; ``kill`` may be called from another thread.

    ``oom_kills`` counts the processes that the kernel has killed for memory since it started.
    """

    def __init__(self, oom_kills: Callable[[], int] = lambda: 0) -> None:
        self._oom_kills = oom_kills
        self._lock = threading.Lock()
        self._running: subprocess.Popen[str] | None = None
        self._killed = False

    @property
    def is_killed(self) -> bool:
        """Whether ``kill`` was called."""
        return self._killed

    def run(self, job: dict[str, Any], folder: Path, timeout_s: float) -> dict[str, Any] | Failure:
        """Measures ``job`` in a new process that keeps its files in ``folder``."""
        job_file, result_file = folder / "job.json", folder / "result.json"
        job_file.write_text(json.dumps(job))
        result_file.unlink(missing_ok=True)
        oom_kills = self._oom_kills()
        child = self._start(job_file, result_file)
        if child is None:
            return Failure(FailureClass.KILLED, "interrupted")
        try:
            phases, stderr = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            phases, _ = child.communicate()
            return Failure(
                FailureClass.TIMED_OUT, f"not done after {timeout_s:g} s, while {_last(phases)}"
            )
        finally:
            with self._lock:
                self._running = None
        if child.returncode == 0 and result_file.exists():
            result: dict[str, Any] = json.loads(result_file.read_text())
            return result
        return explain_death(
            child.returncode, _last(stderr), _last(phases), self._oom_kills() > oom_kills
        )

    def _start(self, job_file: Path, result_file: Path) -> subprocess.Popen[str] | None:
        command = [sys.executable, "-m", "agent.measure.child", str(job_file), str(result_file)]
        with self._lock:
            if self._killed:
                return None
            # A session of its own: the terminal's Ctrl-C must reach the agent alone.
            self._running = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            return self._running

    def kill(self) -> None:
        """Ends the running process and refuses new ones."""
        with self._lock:
            self._killed = True
            if self._running is not None:
                self._running.kill()


def explain_death(returncode: int, message: str, phase: str, oom_killed: bool) -> Failure:
    """The failure of a process that ended without a result."""
    if returncode in CLASSES:
        return Failure(CLASSES[returncode], message)
    if any(sign in message.lower() for sign in ("memoryerror", *OUT_OF_MEMORY_SIGNS)):
        return Failure(FailureClass.OUT_OF_MEMORY, f"out of memory while {phase}: {message}")
    if returncode == -signal.SIGKILL:
        if oom_killed:
            return Failure(
                FailureClass.OUT_OF_MEMORY, f"killed by the kernel for want of memory while {phase}"
            )
        return Failure(FailureClass.KILLED, f"killed from outside (SIGKILL) while {phase}")
    if returncode == -signal.SIGILL:
        return Failure(
            FailureClass.ILLEGAL_INSTRUCTION,
            f"SIGILL while {phase}: the runtime's build needs a newer processor",
        )
    if returncode < 0:
        name = _signal_name(-returncode)
        return Failure(FailureClass.CRASHED, f"died of {name} while {phase}: {message}")
    return Failure(FailureClass.CRASHED, f"ended with {returncode} while {phase}: {message}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:500]
