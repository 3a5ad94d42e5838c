"""A real coordinator and real agents in processes of their own, over real gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.made_table import write_made_table
from tests.e2e.processes import Process, free_port, is_online, python_module, replay_agent, wait_for


@pytest.fixture(scope="session")
def e2e_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="session")
def replay_table(e2e_dir: Path) -> Path:
    """A table with the devices ``board`` and ``server``."""
    return write_made_table(e2e_dir / "table.csv")


@pytest.fixture(scope="session")
def address(e2e_dir: Path) -> Iterator[str]:
    """A coordinator that lives as long as the session of tests."""
    listen = f"127.0.0.1:{free_port()}"
    store = str(e2e_dir / "coordinator.db")
    command = python_module(
        "coordinator.main", "serve", "--listen", listen, "--store", store, "--reflection"
    )
    with Process(command, e2e_dir / "coordinator.log") as process:
        wait_for(lambda: "listens on" in process.log.read_text())
        yield listen
        assert process.stop() == 0


@pytest.fixture(scope="session")
def board(e2e_dir: Path, address: str, replay_table: Path) -> Iterator[str]:
    """An agent that replays the column ``board``."""
    with replay_agent(e2e_dir / "agent", address, replay_table, "board") as process:
        wait_for(lambda: is_online(address, "board"))
        yield "board"
        assert process.stop() == 0
