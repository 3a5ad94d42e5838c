"""The cable: commands, files and a process on one phone, through the ``adb`` program.

The program rather than a client library: it keeps stdin, stdout and exit code of a process
apart, comes with every Android SDK and with the PyPI package ``adbutils``, and a host that has
phones attached runs its server anyway.
"""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.boards.android.quoting import command_line
from agent.conditions.system import run_text
from help_core.errors import BadInput, Unreachable

FOLDER = "/data/local/tmp/help-fleet"
"""The only place of a phone where the shell user may write programs and run them."""

COMMAND_S = 30.0
PUSH_S = 300.0


class LinkLost(Exception):
    """The phone does not answer: unplugged, asleep, restarting, or no longer authorised."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed (both streams), and its exit code."""

    code: int
    text: str


class PhoneLink(Protocol):
    """What a board needs of the way to its phone."""

    serial: str
    folder: str
    """Where this agent keeps its files on the phone."""

    def shell(self, script: str, timeout_s: float = COMMAND_S) -> Answer:
        """Runs a script; raises ``LinkLost``. Texts in it have gone through ``quote``."""

    def push(self, source: Path, target: str) -> None:
        """Copies a file to the phone; raises ``LinkLost``."""

    def start(self, words: Sequence[str]) -> subprocess.Popen[str]:
        """Starts a program whose stdin and stdout are pipes; ``ENDED`` and its code follow it."""

    def is_there(self) -> bool:
        """Whether the phone answers now."""


ENDED = "help-fleet-ended"
"""Begins the line after a program's last: without it, the cable ended, not the program."""


class AdbLink:
    """Implements ``PhoneLink`` with the ``adb`` program."""

    def __init__(self, adb: str, serial: str, folder: str = FOLDER) -> None:
        self._adb = adb
        self.serial = serial
        self.folder = folder

    def shell(self, script: str, timeout_s: float = COMMAND_S) -> Answer:
        """See ``PhoneLink``."""
        # adb's own exit code does not tell a lost cable from a failed command: this mark does.
        mark = f"{ENDED}-{secrets.token_hex(8)}"
        done = self._run(
            ["shell", "-T", f"( {script}\n) 2>&1; code=$?; echo; echo {mark} $code"], timeout_s
        )
        text, found, code = done.stdout.rpartition(f"\n{mark} ")
        if not found or not code.strip().isdigit():
            raise LinkLost(_why(done))
        return Answer(int(code), text)

    def push(self, source: Path, target: str) -> None:
        """See ``PhoneLink``."""
        done = self._run(["push", str(source), target], PUSH_S)
        if done.returncode != 0:
            raise LinkLost(_why(done))

    def start(self, words: Sequence[str]) -> subprocess.Popen[str]:
        """See ``PhoneLink``."""
        return start_process([*self._command, "shell", "-T", f"{script_of(words)}"])

    def is_there(self) -> bool:
        """See ``PhoneLink``. A phone in the network is connected to again."""
        if self._state() == "device":
            return True
        if ":" in self.serial:
            self._try([self._adb, "disconnect", self.serial])
            self._try([self._adb, "connect", self.serial])
        return self._state() == "device"

    @property
    def _command(self) -> list[str]:
        return [self._adb, "-s", self.serial]

    def _state(self) -> str:
        done = self._try([*self._command, "get-state"])
        return done.stdout.strip() if done is not None and done.returncode == 0 else ""

    def _run(self, arguments: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        try:
            return run_text([*self._command, *arguments], timeout_s)
        except subprocess.TimeoutExpired:
            raise LinkLost(f"no answer in {timeout_s:g} s") from None

    @staticmethod
    def _try(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
        try:
            return run_text(command, COMMAND_S)
        except subprocess.TimeoutExpired:
            return None


def script_of(words: Sequence[str]) -> str:
    """A program, and after it the line that tells how it ended."""
    return f"{command_line(words)}; code=$?; echo; echo {ENDED} $code"


def start_process(command: Sequence[str]) -> subprocess.Popen[str]:
    """A process with pipes, in a session of its own: Ctrl-C must reach the agent alone."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def find_adb(named: str = "") -> str:
    """The named program, that of ``PATH``, or that of ``adbutils``; raises ``BadInput``."""
    found = shutil.which(named or "adb")
    if found is not None:
        return found
    if named:
        raise BadInput(f"--adb {named[:80]!r} is no program; name the adb of the Android SDK")
    package = importlib.util.find_spec("adbutils")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "binaries" / "adb"
        if bundled.is_file():
            return str(bundled)
    raise BadInput(
        "there is no adb here; install Android's platform tools or 'pip install"
        " help-fleet[android]', or name it with --adb"
    )


def attached_phones(adb: str) -> dict[str, str]:
    """State by serial of all phones that adb's server knows: ``device`` is ready.

    Raises ``Unreachable`` if adb cannot tell.
    """
    try:
        done = run_text([adb, "devices"], COMMAND_S)
    except subprocess.TimeoutExpired:
        raise Unreachable(f"'{adb} devices' gives no answer; try 'adb kill-server'") from None
    if done.returncode != 0:
        raise Unreachable(f"'{adb} devices' failed: {_why(done)}")
    lines = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    return {serial: state.strip() for serial, state, *_ in lines}


def _why(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1][:200] if lines else "the cable or the phone is gone"
