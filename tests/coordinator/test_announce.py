"""The lines with which a coordinator starts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from coordinator.announce import next_step, start_lines
from coordinator.security.authority import create_authority
from coordinator.security.listeners import Bound
from coordinator.store import open_store
from help_core.records import Board, Device, Settings
from tests.e2e.processes import Process, python_module, wait_for

PLAIN = Bound("127.0.0.1:50051", "127.0.0.1:50051", "http://127.0.0.1:8080/")


def test_the_lines_name_every_address() -> None:
    lines = list(start_lines(PLAIN, None, "127.0.0.1:9090"))
    for address in ("127.0.0.1:50051", "127.0.0.1:8080", "127.0.0.1:9090"):
        assert sum(address in line for line in lines) == 1


def test_the_next_step_names_the_coordinator_unless_agents_find_it() -> None:
    assert "'help-agent run'" in next_step(PLAIN, None)
    other = Bound("127.0.0.1:4000", "127.0.0.1:4000")
    assert "'help-agent run --coordinator 127.0.0.1:4000'" in next_step(other, None)


def test_with_tls_the_next_step_is_to_enrol(tmp_path: Path) -> None:
    authority = create_authority(tmp_path / "tls", ["coord.lab"], time.time())
    step = next_step(Bound("0.0.0.0:50051", "0.0.0.0:50052"), authority)
    assert f"--coordinator HOST:50051 --ca-fingerprint {authority.fingerprint}'" in step
    assert "--role agent-enrol" in step


@pytest.mark.parametrize("known", [False, True])
def test_the_last_line_says_what_to_do_while_no_device_is_known(
    tmp_path: Path, known: bool
) -> None:
    url = str(tmp_path / "store.db")
    store = open_store(url)
    if known:
        store.register("a" * 32, "0.1.0", [Device("box", Board("x86"), Settings())], 0.0)
    store.close()
    command = python_module("coordinator.main", "serve", "--listen", "127.0.0.1:0")
    with Process([*command, "--store", url], tmp_path / "log") as server:
        last = "ready" if known else "help-agent run"
        wait_for(lambda: last in server.log.read_text())
        assert server.stop() == 0
        *_, line, _stopping = server.log.read_text().strip().splitlines()
        assert last in line
