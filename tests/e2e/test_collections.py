"""Collections, labels, quarantine, backups: what an operator of a fleet does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.client import Client
from coordinator.store import open_store
from help_core.records import CollectionOrder, JobState
from help_core.spaces.nasbench201 import NasBench201
from tests.e2e.processes import (
    Process,
    coord,
    free_port,
    is_online,
    python_module,
    replay_agent,
    run_cli,
    wait_for,
)


def _names(count: int, start: int = 0) -> list[str]:
    space = NasBench201()
    return [str(one) for one in space.from_genes(space.all_genes()[start : start + count])]


@pytest.fixture(scope="module")
def offline(address: str, replay_table: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A device whose agent is gone, so that its jobs stay queued."""
    folder = tmp_path_factory.mktemp("offline")
    table = folder / "t.csv"
    table.write_text(replay_table.read_text().replace("board", "offline", 1))
    with replay_agent(folder, address, table, "offline") as process:
        wait_for(lambda: is_online(address, "offline"))
        assert process.stop() == 0
    return "offline"


def _start(address: str, name: str, devices: list[str], count: int, **order: float) -> None:
    """Starts a collection and stops watching it."""
    with Client(address) as client:
        wanted = CollectionOrder(name, **order)  # type: ignore[arg-type]
        events = client.collect(wanted, devices, _names(count))
        next(iter(events))


def test_a_collection_is_cancelled_and_resumed_by_name(address: str, offline: str) -> None:
    _start(address, "c-cancel", [offline], 4)
    done = coord(address, "cancel", "c-cancel", "--json")
    assert json.loads(done.stdout) == {"cancelled": 4}
    listed = json.loads(coord(address, "collections", "--json").stdout)
    (found,) = [one for one in listed if one["name"] == "c-cancel"]
    assert (found["cancelled"], found["ended"]) == (4, "cancelled")
    with Client(address) as client:
        next(iter(client.collect(CollectionOrder("c-cancel"), [], [], resume=True)))
        (again,) = [one for one in client.collections() if one.name == "c-cancel"]
        assert (again.queued, again.ended) == (4, "")
        assert client.cancel("c-cancel") == 4


def test_the_same_collection_started_twice_has_each_job_once(address: str, offline: str) -> None:
    for _ in range(2):
        _start(address, "c-twice", [offline], 3)
    with Client(address) as client:
        (found,) = [one for one in client.collections() if one.name == "c-twice"]
        client.cancel("c-twice")
    assert found.total == 3


def test_a_deadline_ends_a_collection(address: str, offline: str) -> None:
    _start(address, "c-late", [offline], 2, deadline_in_s=0.5)
    with Client(address) as client:
        wait_for(lambda: any(c.name == "c-late" and c.cancelled == 2 for c in client.collections()))
        (found,) = [one for one in client.collections() if one.name == "c-late"]
    assert "deadline" in found.ended


def test_single_jobs_are_cancelled_and_unknown_ones_named(address: str, offline: str) -> None:
    _start(address, "c-jobs", [offline], 2)
    with Client(address) as client:
        (job, *_), _ = client.jobs(offline, [JobState.QUEUED])
    done = coord(address, "cancel", "--job", str(job.id), "--json")
    assert json.loads(done.stdout) == {"cancelled": 1}
    assert coord(address, "cancel", "--job", "99999999").returncode == 3
    assert coord(address, "cancel").returncode == 2
    assert coord(address, "cancel", "nothing").returncode == 3
    coord(address, "cancel", "c-jobs")


def test_labels_choose_the_devices_of_a_collection(address: str, board: str) -> None:
    assert (
        coord(address, "label", board, "room=lab", "old=x", "--note", "by the door").returncode == 0
    )
    assert coord(address, "label", board, "old-").returncode == 0
    listed = json.loads(coord(address, "devices", "--json").stdout)
    (status,) = [one for one in listed if one["device"]["name"] == board]
    assert (status["labels"], status["note"]) == ({"room": "lab"}, "by the door")
    names = [part for name in _names(3, 700) for part in ("--architecture", name)]
    done = coord(address, "collect", "--label", "room=lab", "--name", "c-label", *names)
    assert done.returncode == 0, done.stderr
    missing = coord(address, "collect", "--label", "room=attic", *names)
    assert missing.returncode == 3
    assert "room=attic" in missing.stderr
    assert coord(address, "label", board, "no label").returncode == 2
    assert coord(address, "collect", "--deadline", "soon", *names).returncode == 2


def test_a_backup_of_a_running_coordinator_holds_all_and_fills_any_empty_store(
    address: str, board: str, e2e_dir: Path, tmp_path: Path
) -> None:
    names = [part for name in _names(2, 900) for part in ("--architecture", name)]
    assert coord(address, "collect", "--device", board, *names).returncode == 0
    file, other = tmp_path / "backup.db", tmp_path / "other.db"
    done = run_cli(
        "coordinator.main", "backup", str(file), "--store", str(e2e_dir / "coordinator.db")
    )
    assert done.returncode == 0, done.stderr
    assert run_cli("coordinator.main", "backup", str(file), "--store", "x").returncode == 7
    missing = run_cli("coordinator.main", "backup", str(tmp_path / "b"), "--store", "nowhere.db")
    assert missing.returncode == 3
    done = run_cli("coordinator.main", "restore", str(file), "--store", str(other))
    assert done.returncode == 0, done.stderr
    again = run_cli("coordinator.main", "restore", str(file), "--store", str(other))
    assert again.returncode == 7
    assert "restore into a new one" in again.stderr
    store = open_store(str(other))
    assert len(store.measurements(board, _names(2, 900))) == 2
    store.close()


@pytest.fixture
def monitored(tmp_path: Path) -> Iterator[tuple[str, str]]:
    listen, monitor = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    command = ["serve", "--listen", listen, "--store", str(tmp_path / "m.db")]
    command += ["--metrics", monitor, "--log-format", "json"]
    with Process(python_module("coordinator.main", *command), tmp_path / "log") as process:
        wait_for(lambda: "listens on" in process.log.read_text())
        yield listen, monitor
        assert process.stop() == 0
        lines = [json.loads(line) for line in process.log.read_text().splitlines()]
        assert {"time", "level", "logger", "message"} <= set(lines[0])


def _get(monitor: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{monitor}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_health_and_readiness_are_served_and_logs_are_json(
    monitored: tuple[str, str], replay_table: Path, tmp_path: Path
) -> None:
    listen, monitor = monitored
    wait_for(lambda: _get(monitor, "/readyz")[0] == 200)
    assert _get(monitor, "/healthz") == (200, "alive\n")
    assert _get(monitor, "/elsewhere")[0] == 404
    with replay_agent(tmp_path, listen, replay_table, "board") as agent:
        wait_for(lambda: is_online(listen, "board"))
        coord(listen, "collect", "--device", "board", "--sample", "3")
        assert agent.stop() == 0
    text = _get(monitor, "/metrics")[1]
    assert 'help_reports_total{acknowledgement="stored"} 3.0' in text
    assert "help_leased_jobs_total 3.0" in text
    assert "help_ready 1.0" in text
