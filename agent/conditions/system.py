"""What the operating system tells in files and by commands, below a root that tests can fake."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

COMMAND_TIMEOUT_S = 10.0

RunCommand = Callable[[Sequence[str]], str | None]
"""Runs a command and returns what it printed, or ``None`` if it is not there or failed."""


def run_text(command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Runs a command without input to its end; what it prints is text, whatever its bytes.

    Raises ``OSError`` or ``subprocess.TimeoutExpired``.
    """
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def run_command(command: Sequence[str]) -> str | None:
    """See ``RunCommand``."""
    try:
        done = run_text(command, COMMAND_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def to_number(text: str) -> float | None:
    """A decimal or ``0x…`` number, or ``None``."""
    try:
        return float(int(text, 16)) if text.startswith("0x") else float(text)
    except ValueError:
        return None


class Gpu(Protocol):
    """A GPU that tells how it fares; see ``agent.conditions.nvidia``."""

    def name(self) -> str:
        """The product's name."""

    def driver(self) -> str:
        """The driver's version."""

    def power_limit_w(self) -> float | None:
        """The power limit in force."""

    def readings(self) -> Mapping[str, float | None]:
        """Readings by name with unit."""

    def moment(self) -> Mapping[str, float | None]:
        """The readings that change within a measurement."""

    def throttling(self) -> frozenset[str] | None:
        """What slows it down now; ``None`` if it does not tell."""

    def energy_uj(self) -> float | None:
        """Energy since some moment."""


class System:
    """Files below ``root`` and commands. What cannot be read is ``None``, never a guess."""

    def __init__(
        self,
        root: Path = Path("/"),
        run: RunCommand = run_command,
        *,
        gpu: Gpu | None = None,
        gpu_missing: str = "",
        platform_name: str = "",
        machine: str = "",
    ) -> None:
        self.root = root
        self.run = run
        self.gpu = gpu
        self.gpu_missing = gpu_missing
        """Why there is no ``gpu``, where there is a driver of one."""
        self.platform_name = platform_name or platform.system()
        self.machine = machine or platform.machine()

    def text(self, path: str) -> str | None:
        """The whole file without trailing white space and NULs."""
        try:
            return (self.root / path).read_text(errors="replace").rstrip("\0 \n\t")
        except OSError:
            return None

    def first_line(self, path: str) -> str:
        """The first line, or an empty string."""
        return ((self.text(path) or "").splitlines() or [""])[0].strip("\0 ")

    def number(self, path: str) -> float | None:
        """The file's only number, decimal or ``0x…``."""
        return to_number(self.text(path) or "")

    def table(self, path: str) -> dict[str, float]:
        """Lines of a name and a number, as in ``/proc/vmstat`` and ``/proc/meminfo``."""
        found = {}
        for line in (self.text(path) or "").splitlines():
            name, *values = line.split()[:2] or [""]
            value = to_number(values[0]) if values else None
            if value is not None:
                found[name.removesuffix(":")] = value
        return found

    def glob(self, pattern: str) -> list[str]:
        """Paths below the root that match, sorted."""
        try:
            found = [str(path.relative_to(self.root)) for path in self.root.glob(pattern)]
        except OSError:
            return []
        return sorted(found)

    def numbers(self, pattern: str) -> list[float]:
        """The numbers of all files that match."""
        values = [self.number(path) for path in self.glob(pattern)]
        return [value for value in values if value is not None]
