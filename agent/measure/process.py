"""Runs the measuring process and tells its ways of dying apart (rule 24)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from agent.measure.child import EXIT_BAD_MODEL, EXIT_NO_PROVIDER
from help_core.records import Failure, FailureClass


class ChildProcess:
    """Starts one measuring process at a time; ``kill`` may be called from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: subprocess.Popen[str] | None = None
        self._killed = False

    def run(self, job: dict[str, Any], folder: Path, timeout_s: float) -> dict[str, Any] | Failure:
        """Measures ``job`` in a new process that keeps its files in ``folder``."""
        job_file, result_file = folder / "job.json", folder / "result.json"
        job_file.write_text(json.dumps(job))
        result_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "agent.measure.child", str(job_file), str(result_file)]
        with self._lock:
            if self._killed:
                return Failure(FailureClass.CRASHED, "interrupted")
            # A session of its own: the terminal's Ctrl-C must reach the agent alone.
            child = self._running = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        try:
            _, stderr = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            return Failure(FailureClass.TIMED_OUT, f"not done after {timeout_s:g} s")
        finally:
            with self._lock:
                self._running = None
        if child.returncode == 0 and result_file.exists():
            result: dict[str, Any] = json.loads(result_file.read_text())
            return result
        return _why(child.returncode, stderr)

    def kill(self) -> None:
        """Ends the running process and refuses new ones."""
        with self._lock:
            self._killed = True
            if self._running is not None:
                self._running.kill()


def _why(returncode: int, stderr: str) -> Failure:
    last_line = (stderr.strip().splitlines() or ["no message"])[-1][:500]
    if returncode == EXIT_NO_PROVIDER:
        return Failure(FailureClass.NO_PROVIDER, last_line)
    if returncode == EXIT_BAD_MODEL:
        return Failure(FailureClass.BAD_MODEL, last_line)
    if returncode == -signal.SIGKILL or "MemoryError" in last_line:
        return Failure(
            FailureClass.OUT_OF_MEMORY, "killed by the system, most likely for want of memory"
        )
    if returncode < 0:
        name = signal.Signals(-returncode).name
        return Failure(FailureClass.CRASHED, f"the measuring process died of {name}: {last_line}")
    return Failure(
        FailureClass.CRASHED, f"the measuring process ended with {returncode}: {last_line}"
    )
