"""``adapt`` and ``collect`` go on after their coordinator or its database was away."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import (
    coord,
    free_port,
    is_online,
    python_module,
    replay_agent,
    serving,
    wait_for,
)
from tests.postgres import Postgres


@contextmanager
def asking(folder: Path, address: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = python_module("coordinator.main", *arguments, "--json", "--coordinator", address)
    with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def make_known(folder: Path, address: str, table: Path) -> None:
    """Registers the device ``board``, whose agent then goes away."""
    with replay_agent(folder / "agent", address, table, "board") as agent:
        wait_for(lambda: is_online(address, "board"))
        agent.stop()


def has_queued(address: str) -> bool:
    done = coord(address, "jobs", "--json")
    return done.returncode == 0 and bool(json.loads(done.stdout)["jobs"])


ADAPT = ("adapt", "--device", "board", "--max-latency-ms", "20")


def test_adapt_goes_on_after_its_coordinator_was_killed(tmp_path: Path, replay_table: Path) -> None:
    address, store = f"127.0.0.1:{free_port()}", str(tmp_path / "c.db")
    with serving(tmp_path, address, store) as first:
        wait_for(lambda: "listens on" in first.log.read_text())
        make_known(tmp_path, address, replay_table)
        with asking(tmp_path, address, *ADAPT) as process:
            wait_for(lambda: has_queued(address))
            first.popen.kill()
            first.popen.wait()
            with (
                serving(tmp_path, address, store),
                replay_agent(tmp_path / "agent", address, replay_table, "board"),
            ):
                assert process.wait(90) == 0, (tmp_path / "stderr").read_text()
    (pick,) = json.loads((tmp_path / "stdout").read_text())["picks"]
    assert pick["measured_ms"] <= 20


def test_adapt_goes_on_after_postgresql_restarted(
    tmp_path: Path, replay_table: Path, postgres: Postgres
) -> None:
    address = f"127.0.0.1:{free_port()}"
    with postgres.database() as url, serving(tmp_path, address, url) as server:
        wait_for(lambda: "listens on" in server.log.read_text())
        make_known(tmp_path, address, replay_table)
        with asking(tmp_path, address, *ADAPT) as process:
            wait_for(lambda: has_queued(address))
            postgres.restart()
            with replay_agent(tmp_path / "agent", address, replay_table, "board"):
                assert process.wait(90) == 0, (tmp_path / "stderr").read_text()


def test_collect_goes_on_after_its_coordinator_stopped(tmp_path: Path, replay_table: Path) -> None:
    address, store = f"127.0.0.1:{free_port()}", str(tmp_path / "c.db")
    collect = ("collect", "--device", "board", "--sample", "5", "--name", "outlived")
    with serving(tmp_path, address, store) as first:
        wait_for(lambda: "listens on" in first.log.read_text())
        make_known(tmp_path, address, replay_table)
        with asking(tmp_path, address, *collect) as process:
            wait_for(lambda: has_queued(address))
            first.stop()
            with (
                serving(tmp_path, address, store),
                replay_agent(tmp_path / "agent", address, replay_table, "board"),
            ):
                assert process.wait(90) == 0, (tmp_path / "stderr").read_text()
    assert json.loads((tmp_path / "stdout").read_text())["failed"] == 0


def test_an_agent_waits_for_a_coordinator_that_starts_after_it(
    tmp_path: Path, replay_table: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    with replay_agent(tmp_path / "agent", address, replay_table, "board") as agent:
        wait_for(lambda: address in agent.log.read_text())
        assert agent.popen.poll() is None
        with serving(tmp_path, address, str(tmp_path / "c.db")) as server:
            wait_for(lambda: "listens on" in server.log.read_text())
            wait_for(lambda: is_online(address, "board"))
            done = coord(address, "collect", "--device", "board", "--sample", "2")
            assert done.returncode == 0, done.stderr
