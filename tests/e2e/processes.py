"""Coordinators and agents in processes of their own, and their command lines."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from coordinator.client import Client
from help_core.errors import Unreachable

STOP_S = 20.0


Done = subprocess.CompletedProcess[str]


@dataclass
class Process:
    """A running command whose output goes to a file."""

    command: Sequence[str]
    log: Path
    popen: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with self.log.open("ab") as file:
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and returns the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(STOP_S)


def python_module(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def run_cli(
    module: str, *arguments: str, timeout_s: float = 180.0
) -> subprocess.CompletedProcess[str]:
    """Runs help-coord or help-agent to its end."""
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    return subprocess.run(
        python_module(module, *arguments),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def coord(address: str, *arguments: str) -> Done:
    """Runs help-coord against a coordinator."""
    return run_cli("coordinator.main", *arguments, "--coordinator", address)


def wait_for(condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    """Waits until the condition holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not happen in time")
        time.sleep(0.05)


def serving(folder: Path, address: str, store: str) -> Process:
    """A coordinator; it is there when its log says that it listens."""
    command = python_module("coordinator.main", "serve", "--listen", address, "--store", store)
    return Process(command, folder / "coordinator.log")


def replay_agent(folder: Path, address: str, table: Path, device: str) -> Process:
    folder.mkdir(exist_ok=True)
    command = python_module("agent.main", "run", "--coordinator", address, "--board", "replay")
    command += ["--table", str(table), "--device", device, "--state-dir", str(folder / "state")]
    return Process(command, folder / "agent.log")


def is_online(address: str, device: str) -> bool:
    try:
        with Client(address) as client:
            statuses = client.devices()
    except Unreachable:
        return False
    return any(status.device.online for status in statuses if status.device.name == device)
