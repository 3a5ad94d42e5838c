"""Agents on boards over a real sshd: deployed, seen to report, upgraded, rolled back, removed."""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
from pathlib import Path

import pytest

from tests.e2e.processes import wait_for
from tests.lab.ssh.conftest import HOSTILE, Lab

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def first(lab: Lab) -> dict[str, dict[str, object]]:
    """Everything deployed once, with wheels from this machine."""
    return lab.table("--dependencies", "here")


def test_two_boards_are_deployed_and_the_one_that_refuses_stops_neither(
    lab: Lab, first: dict[str, dict[str, object]]
) -> None:
    assert {name: one["result"] for name, one in first.items()} == {
        "kitchen": "installed",
        "attic": "installed",
        "cellar": "failed",
    }
    assert "refused the login" in str(first["cellar"]["note"])
    statuses = lab.statuses()
    assert {name: one.device.online for name, one in statuses.items()} == {
        "kitchen+@.1": True,
        "attic+@.1": True,
    }
    assert statuses["attic+@.1"].labels == {"place": HOSTILE}


def test_no_name_path_or_label_reached_a_shell(
    lab: Lab, first: dict[str, dict[str, object]]
) -> None:
    touched = [path for path in lab.fleet.home.rglob("pwned")]
    touched += [Path.home() / "pwned", Path.cwd() / "pwned", Path("/pwned")]
    assert [path for path in touched if path.exists()] == []
    assert not list(Path.home().glob(".help-deploy.*"))
    assert (lab.base("attic") / "agents" / "attic+@.1" / "current").is_symlink()
