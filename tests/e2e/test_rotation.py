"""The fleet's authority is replaced under running programs: commands, agents, users."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import Process, python_module, wait_for
from tests.e2e.secure import Fleet, secure_fleet


def enrol(fleet: Fleet, name: str) -> None:
    token = fleet.token("agent-enrol", "--label", name)
    enroll = [
        "enroll",
        "--ca-fingerprint",
        fleet.fingerprint,
        "--state-dir",
        str(fleet.home / name),
    ]
    done = fleet.run("agent.main", *enroll, HELP_TOKEN=token)
    assert done.returncode == 0, done.stderr


@contextmanager
def agent(fleet: Fleet, name: str, table: Path) -> Iterator[Process]:
    command = python_module("agent.main", "run", "--board", "replay", "--column", "board")
    command += ["--table", str(table), "--device", name, "--state-dir", str(fleet.home / name)]
    with Process(command, fleet.home / f"{name}-{time.monotonic_ns()}.log") as process:
        yield process


def rotate(fleet: Fleet, *arguments: str) -> dict[str, object]:
    tls = str(fleet.home / "tls")
    done = fleet.coord("tls", "rotate", *arguments, "--tls-dir", tls, "--json")
    assert done.returncode == 0, done.stderr
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def certificate(fleet: Fleet, name: str) -> bytes:
    return (fleet.home / name / "tls" / "identity.pem").read_bytes()


def test_a_fleet_lives_through_the_replacement_of_its_authority(
    tmp_path: Path, replay_table: Path
) -> None:
    with secure_fleet(tmp_path) as fleet:
        token = fleet.token("admin", "--store", str(tmp_path / "c.db"))
        login = fleet.coord("login", "--ca-fingerprint", fleet.fingerprint, HELP_TOKEN=token)
        assert login.returncode == 0, login.stderr
        enrol(fleet, "moved")
        enrol(fleet, "asleep")
        first = certificate(fleet, "moved")

        facts = rotate(fleet, "--days", "7")
        assert facts["ca_fingerprint"] == fleet.fingerprint
        coming = facts["next_ca_fingerprint"]
        again = fleet.coord("tls", "rotate", "--tls-dir", str(tmp_path / "tls"))
        assert "being replaced already" in again.stderr
        with agent(fleet, "moved", replay_table):
            # It looks when it starts, and then once an hour.
            wait_for(lambda: certificate(fleet, "moved") != first)
            # As does a user, once a day; a login that was just made is of today.
            age_logins(fleet)
            assert fleet.coord("devices").returncode == 0

            facts = rotate(fleet, "--finish")
            assert (facts["ca_fingerprint"], facts["next_ca_fingerprint"]) == (coming, None)
            wait_for(lambda: "moved" in fleet.coord("devices").stdout)
            done = fleet.coord("adapt", "--device", "moved", "--max-latency-ms", "20", "--json")
            assert done.returncode == 0, done.stderr
            with agent(fleet, "asleep", replay_table) as asleep:
                wait_for(lambda: "not trusted" in asleep.log.read_text())
        # The operator's way back for a board that slept.
        fleet = Fleet(fleet.home, fleet.address, str(coming))
        asleep_id = (tmp_path / "asleep" / "agent-id").read_text().strip()
        assert fleet.coord("agents", "revoke", asleep_id).returncode == 0
        enrol(fleet, "asleep")
        with agent(fleet, "asleep", replay_table):
            wait_for(lambda: "asleep" in fleet.coord("devices").stdout)


def age_logins(fleet: Fleet) -> None:
    path = fleet.home / "config" / "help-fleet" / "logins.json"
    logins = json.loads(path.read_text())
    for login in logins.values():
        login["looked_unix_s"] -= 86_400
    path.write_text(json.dumps(logins))
