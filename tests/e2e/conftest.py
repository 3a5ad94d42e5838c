"""A real coordinator and real agents in processes of their own, over real gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable, format_latency_csv
from tests.e2e.processes import Process, free_port, is_online, python_module, replay_agent, wait_for


@pytest.fixture(scope="session")
def e2e_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="session")
def replay_table(e2e_dir: Path) -> Path:
    """Latencies that a plain model of hardware gives all cells on two devices, with 2 % noise."""
    space = NasBench201()
    genes = space.all_genes()
    physics = space.features(genes, "physics")
    rng = np.random.default_rng(0)
    board = 3.0 + 0.11 * physics[:, 9] + 2.2 * physics[:, 3] + 0.4 * physics[:, 10]
    server = 1.0 + 0.35 * physics[:, 11] + 0.012 * physics[:, 9]
    latency = np.column_stack([board, server]) * rng.lognormal(0.0, 0.02, (len(genes), 2))
    table = LatencyTable(space.name, tuple(space.from_genes(genes)), ("board", "server"), latency)
    path = e2e_dir / "table.csv"
    path.write_text(format_latency_csv(table))
    return path


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
