"""A runtime that fails on purpose, for tests of agents and of labs.

Its provider names the fault, so that the settings ``runtime=agent.runtimes.faulty:FaultyRuntime``,
``provider=sigsegv`` make a device whose every measurement dies that way.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence

from agent.runtimes.base import Loaded, NoProvider, StageFiles

NAME = "agent.runtimes.faulty:FaultyRuntime"
MEGABYTE = 2**20


class FaultyRuntime:
    """Implements ``Runtime``; loads anything and fails at the first run."""

    def providers(self) -> Sequence[str]:
        """The faults by name."""
        return list(FAULTS)

    def load(self, stages: Sequence[StageFiles], provider: str, threads: int) -> Loaded:
        """An inference that fails as ``provider`` says."""
        if provider not in FAULTS:
            raise NoProvider(f"fault {provider!r} is unknown; use {', '.join(FAULTS)}")
        return Loaded(
            run=FAULTS[provider],
            output_shapes=lambda: [{"wrong": (0,)} for _ in stages],
            session_ms=1.0,
            facts={"runtime": "faulty"},
            assignment={provider: 1},
        )


def _segfault() -> None:
    ctypes.string_at(0)


def _illegal_instruction() -> None:
    signal.raise_signal(signal.SIGILL)


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _aborted() -> None:
    os.abort()


def _out_of_memory() -> None:
    hoard = []
    while True:
        hoard.append(bytearray(64 * MEGABYTE))


def _endless() -> None:
    while True:
        pass


def _ended() -> None:
    os._exit(7)


FAULTS: Mapping[str, Callable[[], None]] = {
    "sigsegv": _segfault,
    "sigill": _illegal_instruction,
    "sigkill": _killed,
    "sigabrt": _aborted,
    "memory": _out_of_memory,
    "endless": _endless,
    "exit": _ended,
    "wrong-output": lambda: None,
}
