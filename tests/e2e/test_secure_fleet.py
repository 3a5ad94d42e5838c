"""The main job over TLS, from an empty folder: authority, tokens, enrolment, adapt, revocation."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordinator.client import Client
from coordinator.credentials import Login, channel_credentials
from tests.e2e.processes import Done, Process, free_port, python_module, wait_for


@dataclass(frozen=True)
class Fleet:
    """A coordinator with TLS, and commands with a home of their own."""

    home: Path
    address: str
    fingerprint: str

    def run(self, module: str, *arguments: str, **environment: str) -> Done:
        return run_at(self.home, module, *arguments, HELP_COORDINATOR=self.address, **environment)

    def coord(self, *arguments: str, **environment: str) -> Done:
        return self.run("coordinator.main", *arguments, **environment)

    def token(self, role: str, *arguments: str, **environment: str) -> str:
        done = self.coord("token", "create", "--role", role, *arguments, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def run_at(home: Path, module: str, *arguments: str, **environment: str) -> Done:
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "STATE")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
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


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    home = tmp_path_factory.mktemp("secure-fleet")
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


@pytest.fixture(scope="module")
def admin(fleet: Fleet) -> str:
    """The first admin's token, made beside the coordinator and kept by a login."""
    token = fleet.token("admin", "--label", "first", "--store", str(fleet.home / "c.db"))
    done = fleet.coord("login", "--ca-fingerprint", fleet.fingerprint, HELP_TOKEN=token)
    assert done.returncode == 0, done.stderr
    return token


@pytest.fixture(scope="module")
def user(fleet: Fleet, admin: str) -> str:
    return fleet.token("user", "--label", "alice", HELP_TOKEN=admin)


@pytest.fixture(scope="module")
def pi(fleet: Fleet, admin: str, replay_table: Path) -> Iterator[Process]:
    """An enrolled agent that replays the column ``board``."""
    state = str(fleet.home / "pi")
    enrolment = fleet.token("agent-enrol", "--label", "pi")
    enroll = ["enroll", "--ca-fingerprint", fleet.fingerprint, "--state-dir", state]
    done = fleet.run("agent.main", *enroll, HELP_TOKEN=enrolment)
    assert done.returncode == 0, done.stderr
    command = python_module("agent.main", "run", "--board", "replay", "--column", "board")
    command += ["--table", str(replay_table), "--device", "pi", "--state-dir", state]
    ca_pem = (fleet.home / "tls" / "ca.pem").read_text()

    def online() -> bool:
        with Client(fleet.address, channel_credentials(Login(ca_pem, admin))) as client:
            return any(one.device.online for one in client.devices() if one.device.name == "pi")

    with Process(command, fleet.home / "pi.log") as process:
        wait_for(online)
        yield process


def one_line(done: Done, code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_a_user_adapts_to_an_enrolled_board_over_tls(fleet: Fleet, pi: Process, user: str) -> None:
    done = fleet.coord(
        "adapt", "--device", "pi", "--max-latency-ms", "20", "--json", HELP_TOKEN=user
    )
    assert done.returncode == 0, done.stderr
    (pick,) = json.loads(done.stdout)["picks"]
    assert pick["measured_ms"] <= 20


def test_a_refusal_is_one_clear_line_with_its_exit_code(fleet: Fleet, user: str) -> None:
    one_line(fleet.coord("devices", HELP_TOKEN="hfu_wrong"), 12, "unknown token")
    one_line(fleet.coord("audit", HELP_TOKEN=user), 13, "not allowed")


def test_nothing_is_said_in_the_clear_beyond_loopback(fleet: Fleet) -> None:
    elsewhere = {"HELP_COORDINATOR": "192.0.2.1:50051"}
    one_line(run_at(fleet.home, "coordinator.main", "devices", **elsewhere), 12, "login")
    state = ["--state-dir", str(fleet.home / "nobody")]
    one_line(run_at(fleet.home, "agent.main", "run", *state, **elsewhere), 12, "help-agent enroll")


def test_another_fingerprint_gets_neither_token_nor_request(fleet: Fleet, admin: str) -> None:
    other = "0" * 64
    one_line(
        fleet.coord("login", "--ca-fingerprint", other, HELP_TOKEN=admin), 12, "nothing was sent"
    )
    state = ["--state-dir", str(fleet.home / "other")]
    enroll = ["enroll", "--ca-fingerprint", other, *state]
    one_line(fleet.run("agent.main", *enroll, HELP_TOKEN="hfe_x"), 12, "nothing was sent")


def test_a_login_that_others_can_read_is_refused(fleet: Fleet, admin: str) -> None:
    path = fleet.home / "config" / "help-fleet" / "logins.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    one_line(fleet.coord("devices"), 2, "chmod 600")
    path.chmod(0o600)


def test_a_revoked_agent_stops_and_says_why(fleet: Fleet, pi: Process) -> None:
    done = fleet.coord("agents", "revoke", "pi")
    assert done.returncode == 0, done.stderr
    # It learns it at the end of the call it waits in, or with its next heartbeat or report.
    wait_for(lambda: pi.popen.poll() is not None, timeout_s=40)
    assert pi.popen.returncode == 12
    assert "was revoked" in pi.log.read_text().splitlines()[-1]
    listed = json.loads(fleet.coord("agents", "list", "--json").stdout)
    assert [agent["revoked"] for agent in listed] == [True]
    actions = [entry["action"] for entry in json.loads(fleet.coord("audit", "--json").stdout)]
    assert {"enrol", "revoke-agent", "Adapt", "create-token", "first-use"} <= set(actions)
