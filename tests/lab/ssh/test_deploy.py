"""Agents on boards over a real sshd: deployed, seen to report, upgraded, rolled back, removed.

The tests are one story and run in order.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from deploy.wheels import find_release
from tests.e2e.processes import wait_for
from tests.lab.ssh.boards import make_key
from tests.lab.ssh.conftest import HOSTILE, Lab, Outcomes

pytestmark = pytest.mark.lab
CELL = "nasbench201:|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find_release(None, tmp_path_factory.mktemp("wheel")).wheel


@pytest.fixture(scope="module")
def first(lab: Lab, wheel: Path) -> Outcomes:
    """Everything deployed once, with wheels from this machine."""
    return lab.table("--dependencies", "here", "--wheel", str(wheel))


def test_two_boards_are_deployed_and_the_one_that_refuses_stops_neither(
    lab: Lab, first: Outcomes
) -> None:
    results = {name: one["result"] for name, one in first.items()}
    assert results == {"kitchen": "installed", "attic": "installed", "cellar": "failed"}, first
    assert "refused the login" in first["cellar"]["note"]
    statuses = lab.statuses()
    online = {name: one.device.online for name, one in statuses.items()}
    assert online == {"kitchen+@.1": True, "attic+@.1": True}
    assert statuses["attic+@.1"].labels == {"place": HOSTILE}


def test_no_name_path_or_label_reached_a_shell(lab: Lab, first: Outcomes) -> None:
    assert (lab.base("attic") / "agents" / "attic+@.1" / "current").is_symlink()
    touched = [*lab.fleet.home.rglob("pwned*")]
    touched += [folder / "pwned" for folder in (Path.home(), Path.cwd(), Path("/"))]
    assert [path for path in touched if path.exists()] == []
    assert list(Path.home().glob(".help-deploy.*")) == []


def test_a_deployed_board_really_measures(lab: Lab, first: Outcomes) -> None:
    done = lab.coord(
        *("collect", "--name", "lab", "--device", "kitchen+@.1", "--architecture", CELL)
    )
    assert done.returncode == 0, done.stderr
    status = lab.statuses()["kitchen+@.1"]
    assert status.valid_measurements + status.suspect_measurements == 1


def test_running_it_twice_changes_nothing(lab: Lab, first: Outcomes, wheel: Path) -> None:
    pids = lab.pids()
    again = lab.table("kitchen", "attic", "--dependencies", "here", "--wheel", str(wheel))
    assert [one["result"] for one in again.values()] == ["unchanged", "unchanged"]
    assert lab.pids() == pids


def test_status_names_release_and_state_and_goes_on_past_a_board_that_refuses(
    lab: Lab, first: Outcomes
) -> None:
    found = lab.table("status")
    assert [one["result"] for one in found.values()] == ["running", "running", "failed"]
    assert found["attic"]["release"] == first["attic"]["release"]
    assert [found["attic"]["online"], found["cellar"]["online"]] == [True, False]
    done = lab.deploy("status", "--inventory", str(lab.inventory))
    assert done.returncode == 15
    assert done.stderr.splitlines() == ["help-coord: 1 of 3 boards failed: cellar"]


def test_logs_show_that_the_agent_connected(lab: Lab, first: Outcomes) -> None:
    done = lab.deploy("logs", "--inventory", str(lab.inventory), "kitchen", "-n", "200")
    assert done.returncode == 0, done.stderr
    assert "connected to" in done.stdout


def test_an_agent_that_was_killed_comes_back(lab: Lab, first: Outcomes) -> None:
    state = str(lab.base("kitchen") / "agents" / "kitchen+@.1" / "state")
    log = lab.base("kitchen") / "agents" / "kitchen+@.1" / "agent.log"
    before = log.read_text().count("connected to")
    subprocess.run(["kill", "-KILL", _agent_pid(state)], check=True)
    wait_for(lambda: log.read_text().count("connected to") > before, timeout_s=60)
    assert "ended with code 137" in log.read_text()


def test_an_upgrade_that_does_not_report_is_rolled_back(
    lab: Lab, first: Outcomes, wheel: Path, tmp_path: Path
) -> None:
    mute = _mute(wheel, tmp_path)
    done = lab.deploy(
        *("upgrade", "--inventory", str(lab.inventory), "attic", "--json"),
        *("--wheel", str(mute), "--dependencies", "here", "--report-timeout-s", "15"),
    )
    assert done.returncode == 15
    (one,) = json.loads(done.stdout)
    assert one["result"] == "rolled back"
    assert one["release"] == first["attic"]["release"]
    assert "did not report within 15 s" in one["note"]
    assert "reports again" in one["note"]
    releases = lab.base("attic") / "releases"
    assert [path.name for path in releases.iterdir()] == [first["attic"]["release"]]
    assert lab.table("status", "attic")["attic"]["result"] == "running"


def test_a_changed_setting_is_taken_over_without_a_new_release(
    lab: Lab, first: Outcomes, wheel: Path
) -> None:
    text = lab.inventory.read_text()
    changed = text.replace('service = "process"', 'service = "process"\narguments = ["--quiet"]')
    lab.inventory.write_text(changed)
    try:
        found = lab.table("attic", "--dependencies", "here", "--wheel", str(wheel))
    finally:
        lab.inventory.write_text(text)
    assert found["attic"]["result"] == "started"
    assert found["attic"]["release"] == first["attic"]["release"]


def test_a_jump_host_is_gone_through(lab: Lab, first: Outcomes) -> None:
    kitchen, attic = lab.boards["kitchen"], lab.boards["attic"]
    done = lab.deploy(
        *("status", "127.0.0.1", "--port", str(attic.port), "--device", "attic+@.1"),
        *("--jump", f"127.0.0.1:{kitchen.port}", "--identity", str(attic.identity)),
        *("--known-hosts", str(lab.known_hosts), "--service", "process"),
        *("--directory", str(lab.base("attic")), "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["result"] == "running"


def test_a_changed_host_key_is_refused_with_file_and_line(
    lab: Lab, first: Outcomes, tmp_path: Path
) -> None:
    attic = lab.boards["attic"]
    other = make_key(tmp_path / "other")
    known = tmp_path / "known_hosts"
    key = " ".join(Path(f"{other}.pub").read_text().split()[:2])
    known.write_text(f"# what was there before\n[127.0.0.1]:{attic.port} {key}\n")
    done = _status(lab, str(known))
    assert done.returncode == 15
    (line,) = done.stderr.splitlines()
    assert "has changed" in line
    assert f"{known} line 2" in line


def test_an_unknown_host_key_is_refused(lab: Lab, first: Outcomes, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("")
    done = _status(lab, str(known))
    assert done.returncode == 15
    (line,) = done.stderr.splitlines()
    assert "is not in" in line
    assert str(known) in line


def test_remove_leaves_nothing_and_ends_the_certificate(lab: Lab, first: Outcomes) -> None:
    found = lab.table("remove", "kitchen", "attic")
    assert [one["result"] for one in found.values()] == ["removed", "removed"]
    assert not lab.base("kitchen").exists()
    assert not lab.base("attic").exists()
    agents = json.loads(lab.coord("agents", "list", "--json").stdout)
    assert [agent["revoked"] for agent in agents] == [True, True]
    again = lab.table("remove", "kitchen")
    assert again["kitchen"]["result"] == "not installed"
    assert (
        lab.statuses()["kitchen+@.1"].valid_measurements
        + lab.statuses()["kitchen+@.1"].suspect_measurements
        == 1
    )


def _status(lab: Lab, known_hosts: str) -> subprocess.CompletedProcess[str]:
    attic = lab.boards["attic"]
    return lab.deploy(
        *("status", "127.0.0.1", "--port", str(attic.port), "--device", "attic+@.1"),
        *("--identity", str(attic.identity), "--known-hosts", known_hosts, "--json"),
    )


def _agent_pid(state: str) -> str:
    """The process that has this state folder as an argument."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if state.encode() in words and b"agent.main" in words:
            return folder.name
    raise AssertionError(f"no agent runs with {state}")


def _mute(wheel: Path, folder: Path) -> Path:
    """The same agent, except that ``run`` does nothing for a long time."""
    mute = folder / wheel.name
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(mute, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "agent/service.py":
                content += (
                    b"\n\ndef serve_stations(*_all: object) -> None:\n"
                    b"    __import__('time').sleep(600)\n"
                )
            target.writestr(name, content)
    return mute
