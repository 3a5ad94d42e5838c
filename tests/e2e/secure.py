"""A coordinator with TLS, from an empty folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.processes import Done, Process, free_port, python_module, wait_for

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Fleet:
    """A coordinator with TLS, and commands with a home of their own."""

    home: Path
    address: str
    fingerprint: str

    timeout_s: float = TIMEOUT_S

    def run(self, module: str, *arguments: str, **environment: str) -> Done:
        variables = {"HELP_COORDINATOR": self.address, **environment}
        return _run([module, *arguments], self.home, variables, self.timeout_s)

    def coord(self, *arguments: str, **environment: str) -> Done:
        return self.run("coordinator.main", *arguments, **environment)

    def token(self, role: str, *arguments: str, **environment: str) -> str:
        done = self.coord("token", "create", "--role", role, *arguments, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def run_at(home: Path, module: str, *arguments: str, **environment: str) -> Done:
    return _run([module, *arguments], home, environment, TIMEOUT_S)


def _run(
    arguments: Sequence[str], home: Path, environment: Mapping[str, str], timeout_s: float
) -> Done:
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "STATE")}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **folders, **environment},
    )


def free_pair() -> int:
    """A free port whose upper neighbour is free too."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@contextmanager
def secure_fleet(home: Path) -> Iterator[Fleet]:
    """A running coordinator whose authority, store and logins are below ``home``."""
    tls = str(home / "tls")
    done = run_at(home, "coordinator.main", "tls", "init", "--host", "127.0.0.1", "--tls-dir", tls)
    assert done.returncode == 0, done.stderr
    shown = run_at(home, "coordinator.main", "tls", "show", "--tls-dir", tls, "--json")
    address = f"127.0.0.1:{free_pair()}"
    command = python_module("coordinator.main", "serve", "--listen", address)
    command += ["--store", str(home / "c.db"), "--tls-dir", tls]
    with Process(command, home / "coordinator.log") as process:
        wait_for(lambda: "fingerprint" in process.log.read_text())
        yield Fleet(home, address, json.loads(shown.stdout)["ca_fingerprint"])
        assert process.stop() == 0
