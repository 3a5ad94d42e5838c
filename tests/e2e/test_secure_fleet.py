"""The main job over TLS, from an empty folder: authority, tokens, enrolment, adapt, revocation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.client import Client
from coordinator.credentials import Login, channel_credentials
from tests.e2e.processes import Done, Process, python_module, wait_for
from tests.e2e.secure import Fleet, run_at, secure_fleet


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with secure_fleet(tmp_path_factory.mktemp("secure-fleet")) as running:
        yield running


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
