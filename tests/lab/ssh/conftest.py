"""A coordinator with TLS and three boards, of which one refuses."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coordinator.client import Client
from coordinator.credentials import Login, channel_credentials
from help_core.records import DeviceStatus
from tests.e2e.processes import Done, python_module
from tests.e2e.secure import Fleet, secure_fleet
from tests.lab.ssh.boards import SshBoard, make_key, ssh_board

Outcomes = dict[str, dict[str, Any]]
NAMES = ("kitchen", "attic", "cellar")
HOSTILE = 'it\'s "here"; touch pwned\n$(touch pwned) `touch pwned` %h'


@dataclass
class Lab:
    """What the tests drive."""

    fleet: Fleet
    admin: str
    boards: dict[str, SshBoard]
    inventory: Path
    known_hosts: Path

    def deploy(self, *words: str, timeout_s: float = 300) -> Done:
        """Runs ``help-coord deploy`` as an admin."""
        folders = ("CONFIG", "DATA", "STATE")
        homes = {f"XDG_{one}_HOME": str(self.fleet.home / one.lower()) for one in folders}
        said = {"HELP_COORDINATOR": self.fleet.address, "HELP_TOKEN": self.admin}
        return subprocess.run(
            python_module("coordinator.main", "deploy", *words),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **homes, **said},
        )

    def coord(self, *words: str) -> Done:
        """Runs another command of ``help-coord``."""
        return self.fleet.coord(*words, HELP_TOKEN=self.admin)

    def pids(self) -> dict[str, str]:
        """The supervisor of each board that has one."""
        files = {name: list(self.base(name).glob("agents/*/pid")) for name in self.boards}
        return {name: found[0].read_text().strip() for name, found in files.items() if found}

    def table(self, *words: str) -> Outcomes:
        """The outcomes by board."""
        done = self.deploy(*words, "--inventory", str(self.inventory), "--json")
        assert done.stdout, done.stderr
        return {one["board"]: one for one in json.loads(done.stdout)}

    def base(self, name: str) -> Path:
        """The folder of help-fleet on a board: a name that no shell may take apart."""
        return self.boards[name].folder / f"a base {HOSTILE.splitlines()[0]} of {name}"

    def statuses(self) -> dict[str, DeviceStatus]:
        """What the coordinator knows of each device."""
        ca_pem = (self.fleet.home / "tls" / "ca.pem").read_text()
        login = Login(ca_pem, self.admin)
        with Client(self.fleet.address, channel_credentials(login)) as client:
            return {one.device.name: one for one in client.devices()}


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("deploy")
    with ExitStack() as stack:
        identity = make_key(home / "id")
        boards = {
            name: stack.enter_context(ssh_board(home / name, identity, welcomes=name != "cellar"))
            for name in NAMES
        }
        known_hosts = home / "known_hosts"
        known_hosts.write_text("".join(board.known_line for board in boards.values()))
        fleet = stack.enter_context(secure_fleet(home))
        lab = Lab(fleet, _admin(fleet), boards, home / "inventory.toml", known_hosts)
        lab.inventory.write_text(_inventory(lab))
        stack.callback(_stop_all, lab)
        yield lab


def _admin(fleet: Fleet) -> str:
    """The token of somebody who may deploy, and who has logged in."""
    admin = fleet.token("admin", "--label", "first", "--store", str(fleet.home / "c.db"))
    done = fleet.coord("login", "--ca-fingerprint", fleet.fingerprint, HELP_TOKEN=admin)
    assert done.returncode == 0, done.stderr
    return admin


def _inventory(lab: Lab) -> str:
    quoted = json.dumps  # a JSON string of these characters is a TOML string too
    lines = [
        "[defaults]",
        'known_hosts = "known_hosts"',
        'identity = "id"',
        'service = "process"',
    ]
    for name, board in lab.boards.items():
        lines += [
            f"[boards.{name}]",
            f"host = {quoted(f'{getpass.getuser()}@127.0.0.1')}",
            f"port = {board.port}",
            f"device = {quoted(f'{name}+@.1')}",
            f"directory = {quoted(str(lab.base(name)))}",
            f"labels = {{ place = {quoted(HOSTILE)} }}",
        ]
    return "\n".join(lines) + "\n"


def _stop_all(lab: Lab) -> None:
    """Whatever a failed test left running on the boards."""
    for name in lab.boards:
        for pid in lab.base(name).glob("agents/*/pid"):
            number = pid.read_text().strip()
            subprocess.run(["kill", "-TERM", number], check=False, capture_output=True)
