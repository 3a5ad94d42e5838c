"""A runner that works on the phone: commands to it, answers from it, and how it ended."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Any

from agent.boards.android.link import ENDED, LinkLost, PhoneLink
from agent.measure.process import explain_death
from help_core.records import Failure, FailureClass


class RunnerEnded(Exception):
    """The runner refused, died or hung; ``failure`` tells which."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Runner:
    """One process on the phone. A context manager; ``kill`` may be called from any thread."""

    def __init__(self, link: PhoneLink, words: Sequence[str], timeout_s: float) -> None:
        self._link = link
        self._until_s = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._phase = "starting the runner"
        self._killed = False
        self._process = link.start(words)
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="phone-output", daemon=True)
        self._reader.start()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_error: object) -> None:
        process = self._process
        # The end of its stdin ends the runner; adb goes with it.
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join()
        if process.stdout is not None:
            process.stdout.close()

    def tell(self, *lines: str) -> None:
        """Gives commands that have no answer. Their end shows in the next answer."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.write("".join(f"{line}\n" for line in lines))
                self._process.stdin.flush()
        except OSError:
            # What the runner said before it ended comes as the next answer.
            return

    def ask(self, command: str, phase: str) -> dict[str, Any]:
        """The answer to a command; raises ``RunnerEnded`` or ``LinkLost``."""
        self._phase = phase
        self.tell(command)
        noise = ""
        while True:
            line = self._next_line()
            if line is None:
                raise self._lost(noise)
            if line.startswith(ENDED):
                raise RunnerEnded(self._death(line, noise))
            answer = _json_object(line)
            if answer is None:
                noise = line.strip() or noise
                continue
            if "error" in answer:
                raise RunnerEnded(_refusal(answer))
            return answer

    def kill(self) -> None:
        """Ends it from another thread."""
        self._killed = True
        self._process.kill()

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def _next_line(self) -> str | None:
        try:
            return self._lines.get(timeout=max(self._until_s - time.monotonic(), 0.0))
        except queue.Empty:
            self._process.kill()
            if not self._link.is_there():
                raise LinkLost(f"no answer while {self._phase}") from None
            message = f"not done after {self._timeout_s:g} s, while {self._phase}"
            raise RunnerEnded(Failure(FailureClass.TIMED_OUT, message)) from None

    def _lost(self, noise: str) -> Exception:
        if self._killed:
            return RunnerEnded(Failure(FailureClass.KILLED, "interrupted"))
        return LinkLost(f"the connection ended while {self._phase}: {noise[:120]}".rstrip(": "))

    def _death(self, line: str, noise: str) -> Failure:
        code = line.split()[-1]
        number = int(code) if code.isdigit() else 0
        # A shell tells death by a signal as 128 and its number.
        number = 128 - number if number > 128 else number
        if number == -signal.SIGALRM:
            return Failure(
                FailureClass.TIMED_OUT,
                f"not done after {self._timeout_s:g} s, while {self._phase}",
            )
        if number in (126, 127):
            return Failure(
                FailureClass.NO_PROVIDER,
                f"the runner cannot be started on this phone: {noise[:160]};"
                " name a build for it with --runner and --library",
            )
        return explain_death(number, noise[:200] or "no message", self._phase, oom_killed=False)


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _refusal(answer: dict[str, Any]) -> Failure:
    message = str(answer.get("message", ""))[:400]
    try:
        return Failure(FailureClass(str(answer["error"])), message)
    except ValueError:
        return Failure(FailureClass.CRASHED, f"{answer['error']}: {message}")
