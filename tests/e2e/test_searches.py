"""Searches over real gRPC: a device that goes away, files of candidates, refusals."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from coordinator.client import Client
from help_core.records import AdaptOrder, Answer, JobState, Progress
from help_core.spaces import get_gene_space
from help_core.spaces.base import sample_genes
from tests.e2e.processes import coord, free_port, is_online, replay_agent, serving, wait_for


@pytest.fixture
def own_address(tmp_path: Path) -> Iterator[str]:
    """A coordinator of this test alone, whose store is c.db."""
    listen = f"127.0.0.1:{free_port()}"
    with serving(tmp_path, listen, str(tmp_path / "c.db")) as process:
        wait_for(lambda: "listens on" in process.log.read_text())
        yield listen


def test_a_search_waits_for_a_device_that_is_gone_and_goes_on_when_it_is_back(
    own_address: str, replay_table: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "table.csv"
    header, _, rows = replay_table.read_text().partition("\n")
    renamed.write_text(header.replace("board", "fickle") + "\n" + rows)
    order = AdaptOrder("fickle", "nasbench201", max_latency_ms=(20.0,))
    with replay_agent(tmp_path, own_address, renamed, "fickle") as agent:
        wait_for(lambda: is_online(own_address, "fickle"))
        # Without warning, and with the support set still to be measured.
        assert agent.stop(signal.SIGKILL) != 0
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        # As a minute of silence would have it.
        database.execute("UPDATE agents SET last_seen_s = last_seen_s - 61")
        database.commit()
    with Client(own_address) as client:
        events = client.adapt(order)
        said = next(
            event.message
            for event in events
            if isinstance(event, Progress) and "offline" in event.message
        )
        assert said == "waiting for the agent of fickle, which is offline"
        with replay_agent(tmp_path, own_address, renamed, "fickle"):
            *_, answer = events
    assert isinstance(answer, Answer)
    assert len(answer.support) == 10
    assert (answer.picks[0].measured_ms or np.inf) <= 20.0


def test_candidates_come_from_a_file_and_unknown_strings_are_named(
    address: str, board: str, tmp_path: Path
) -> None:
    space = get_gene_space("nasbench201")
    names = [
        str(one) for one in space.from_genes(sample_genes(space, 30, np.random.default_rng(1)))
    ]
    listed = tmp_path / "mine.txt"
    listed.write_text("\n".join(names) + "\n")
    wanted = ["adapt", "--device", board, "--max-latency-ms", "40", "--json"]
    done = coord(address, *wanted, "--candidates", str(listed))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["candidates"] == 30
    assert answer["candidates_name"] == "mine.txt"
    assert answer["picks"][0]["architecture"] in names
    listed.write_text("\n".join([*names, "|nor_conv_9x9~0|"]) + "\n")
    done = coord(address, *wanted, "--candidates", str(listed))
    assert done.returncode == 2
    assert f"{listed}: line 31: " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_limits_on_paper_and_a_search_again_over_the_wire(address: str, board: str) -> None:
    limits = ["--max-params", "0.9M", "--max-flops", "120M", "--max-latency-ms", "25"]
    done = coord(address, "adapt", "--device", board, *limits, "--json")
    assert done.returncode == 0, done.stderr
    pick = json.loads(done.stdout)["picks"][0]
    assert pick["parameters"] <= 900_000
    assert pick["multiply_adds"] <= 120_000_000
    assert [one["device"] for one in pick["devices"]] == [board]
    with Client(address) as client:
        before = client.jobs(board)[1]
        done = coord(address, "search", "--device", board, "--min-accuracy", "70", "--json")
        assert client.jobs(board)[1] == before
    (pick,) = json.loads(done.stdout)["picks"][:1]
    assert pick["accuracy_percent"] >= 70
    assert pick["measured_ms"] is None


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--max-energy-mj", "5"], 2, "board cannot judge energy: it has no energy counter"),
        (["--percentile", "99"], 2, "board cannot judge p99 latency: p99 needs 100 samples"),
        (["--max-params", "many"], 2, "'many' is no count"),
        (["--front", "--min-accuracy", "70"], 2, "not both"),
        (["--device", "nobody"], 3, "nobody"),
        (["--generator", "magic"], 3, "known: evolution, exhaustive, random"),
    ],
)
def test_what_cannot_be_answered_is_one_clear_line(
    address: str, board: str, options: list[str], code: int, words: str
) -> None:
    done = coord(address, "adapt", "--device", board, *options)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    with Client(address) as client:
        assert client.jobs(board, [JobState.QUEUED])[1] == 0
