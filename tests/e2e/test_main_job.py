"""The way of one number, over real gRPC: lease, measure, deliver, adapt, confirm, answer."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from agent.boards.replay import read_column
from coordinator.client import Client
from help_core.predictors.base import Support
from help_core.predictors.registry import DEFAULT, get_predictor
from help_core.records import AdaptOrder, Answer, JobState, Progress
from help_core.spaces import Architecture, get_gene_space
from help_core.tables.latency import read_latency_csv
from tests.e2e.processes import (
    Process,
    coord,
    free_port,
    is_online,
    python_module,
    replay_agent,
    wait_for,
)

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"


def test_every_architecture_offered_was_measured_within_its_limit(address: str, board: str) -> None:
    done = coord(address, "adapt", "--device", board, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["picks"]
    assert len({pick["limit_ms"] for pick in answer["picks"]}) >= 3
    for pick in answer["picks"]:
        assert pick["measured_ms"] <= pick["limit_ms"]
        assert pick["low_ms"] <= pick["predicted_ms"] <= pick["high_ms"]
    accuracies = [pick["accuracy_percent"] for pick in answer["picks"]]
    assert accuracies == sorted(accuracies)


def check_that_the_wire_changes_nothing(
    address: str, device: str, truth: dict[Architecture, float]
) -> None:
    """Spearman of predictions over the wire is that of the predictor on the same support."""
    space = get_gene_space("nasbench201")
    names = list(truth)[::16]
    true_ms = [truth[name] for name in names]
    with Client(address) as client:
        *_, answer = client.adapt(AdaptOrder(device, "nasbench201", verify=False))
        assert isinstance(answer, Answer)
        rows, _ = client.predict(device, [str(name) for name in names])
    over_wire = spearmanr([row[1] for row in rows], true_ms).statistic
    predictor = get_predictor(DEFAULT, space)
    support = space.from_genes(predictor.support_genes(10, np.random.default_rng(0)))
    latency_ms = np.array([truth[one] for one in support])
    adapted = predictor.adapt(
        Support(space.to_genes(support), latency_ms), np.random.default_rng(0)
    )
    direct = spearmanr(adapted.predict(space.to_genes(names)).latency_ms, true_ms).statistic
    assert over_wire == pytest.approx(direct, abs=1e-4)
    assert over_wire > 0.8


def test_predictions_over_the_wire_are_those_of_the_predictor_itself(
    address: str, board: str, replay_table: Path
) -> None:
    truth = read_column(replay_table, get_gene_space("nasbench201"), board)
    check_that_the_wire_changes_nothing(address, board, truth)


@pytest.mark.reference
def test_a_replayed_raspi4_reaches_the_score_of_direct_evaluation(
    address: str, reference_data: Path, tmp_path: Path
) -> None:
    table = reference_data / "help" / "nasbench201" / "latency" / "raspi4.pt"
    with replay_agent(tmp_path, address, table, "raspi4") as process:
        wait_for(lambda: is_online(address, "raspi4"))
        truth = read_column(table, get_gene_space("nasbench201"), "raspi4")
        check_that_the_wire_changes_nothing(address, "raspi4", truth)
        assert process.stop() == 0


def test_what_is_measured_is_not_measured_again(address: str, board: str) -> None:
    with Client(address) as client:
        order = AdaptOrder(board, "nasbench201", max_latency_ms=(20.0,))
        list(client.adapt(order))
        _, before = client.jobs(board)
        list(client.adapt(order))
        assert client.jobs(board)[1] == before


def test_search_and_predict_use_the_last_adaptation(address: str, board: str) -> None:
    coord(address, "adapt", "--device", board, "--no-verify")
    searched = coord(address, "search", "--device", board, "--max-latency-ms", "15", "--json")
    picks = json.loads(searched.stdout)["picks"]
    assert len(picks) == 3
    assert all(pick["predicted_ms"] <= 15 and pick["measured_ms"] is None for pick in picks)
    predicted = coord(
        address, "predict", "--device", board, "--architecture", picks[0]["architecture"], "--json"
    )
    (row,) = json.loads(predicted.stdout)["latencies"]
    assert row["latency_ms"] == pytest.approx(picks[0]["predicted_ms"])


def test_a_limit_that_nothing_meets_names_the_lowest_that_something_does(
    address: str, board: str
) -> None:
    done = coord(address, "adapt", "--device", board, "--max-latency-ms", "0.1")
    assert done.returncode == 8
    assert "no architecture of nasbench201 meets 0.1 ms on board" in done.stderr
    assert "the fastest measured takes" in done.stderr


def test_a_table_goes_in_and_comes_out_the_same(
    address: str, replay_table: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small.csv"
    small.write_text("\n".join(replay_table.read_text().splitlines()[:40]) + "\n")
    done = coord(address, "import", "table", str(small))
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out.csv"
    coord(address, "export", "--origin", "imported", "--out", str(out))
    space = get_gene_space("nasbench201")
    first, second = read_latency_csv(small, space), read_latency_csv(out, space)
    assert first.devices == second.devices
    order = [second.architectures.index(one) for one in first.architectures]
    assert np.array_equal(first.latency_ms, second.latency_ms[order])


def test_accuracies_of_the_user_decide_which_architectures_are_offered(
    address: str, board: str, replay_table: Path, tmp_path: Path
) -> None:
    cells = [line.split(",")[0] for line in replay_table.read_text().splitlines()[1:]]
    own = tmp_path / "own.csv"
    own.write_text(f"architecture,accuracy\n{cells[700]},88.5\n{cells[900]},91.25\n")
    wanted = ["--device", board, "--max-latency-ms", "1000", "--top", "2", "--json"]
    try:
        done = coord(address, "import", "accuracy", str(own), "--json")
        assert json.loads(done.stdout)["rows"] == 2, done.stderr
        answer = json.loads(coord(address, "adapt", *wanted).stdout)
        assert answer["accuracy_source"] == "own.csv"
        assert [pick["accuracy_percent"] for pick in answer["picks"]] == [91.25, 88.5]
    finally:
        coord(address, "import", "accuracy", "--clear")
    answer = json.loads(coord(address, "adapt", *wanted).stdout)
    assert answer["accuracy_source"].startswith("shipped model")


def test_a_collection_measures_each_pair_once(address: str, board: str) -> None:
    arguments = [
        "collect",
        "--device",
        board,
        "--sample",
        "25",
        "--seed",
        "5",
        "--coordinator",
        address,
    ]
    first = coord(address, *arguments, "--json")
    printed = json.loads(first.stdout)
    assert printed.pop("collection").startswith("collection-")
    assert printed == {"architectures": 25, "devices": 1, "failed": 0}
    with Client(address) as client:
        _, before = client.jobs(board)
        coord(address, *arguments)
        assert client.jobs(board)[1] == before


def test_a_gap_in_the_table_is_a_failure_and_never_a_number(
    address: str, replay_table: Path, tmp_path: Path
) -> None:
    holes = tmp_path / "holes.csv"
    header, *rows = replay_table.read_text().splitlines()
    kept = [row for row in rows if not row.startswith(CELL)]
    holes.write_text("\n".join([header.replace("board", "holes"), *kept]) + "\n")
    with replay_agent(tmp_path, address, holes, "holes") as process:
        wait_for(lambda: is_online(address, "holes"))
        wanted = ["--device", "holes", "--architecture", f"nasbench201:{CELL}"]
        assert coord(address, "collect", *wanted).returncode == 9
        with Client(address) as client:
            (job,), _ = client.jobs("holes")
        assert job.state is JobState.FAILED
        assert "no-data" in job.error
        assert process.stop() == 0


def test_a_request_that_is_given_up_cancels_what_nobody_began(
    address: str, replay_table: Path, tmp_path: Path
) -> None:
    # A device whose agent is gone: its jobs stay queued until the request ends.
    with replay_agent(tmp_path, address, replay_table, "server") as process:
        wait_for(lambda: is_online(address, "server"))
        assert process.stop() == 0
    with Client(address) as client:
        events = client.adapt(AdaptOrder("server", "nasbench201"))
        assert isinstance(next(events), Progress)
        assert client.jobs("server", [JobState.QUEUED])[1] == 10
        events.close()
        wait_for(lambda: client.jobs("server", [JobState.QUEUED])[1] == 0)
        assert client.jobs("server", [JobState.CANCELLED])[1] == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_agent_gives_its_leases_back_at_once(
    address: str, tmp_path: Path, number: signal.Signals
) -> None:
    name = f"real-{number.name.lower()}"
    command = python_module("agent.main", "run", "--coordinator", address, "--device", name)
    command += ["--state-dir", str(tmp_path / "state")]
    with Process(command, tmp_path / "agent.log") as process, Client(address) as client:
        wait_for(lambda: is_online(address, name))
        events = client.adapt(AdaptOrder(name, "nasbench201"))
        next(events)
        wait_for(lambda: client.jobs(name, [JobState.LEASED])[1] > 0)
        assert process.stop(number) == 0
        assert client.jobs(name, [JobState.LEASED])[1] == 0
        events.close()


def test_a_killed_coordinator_goes_on_where_it_was(replay_table: Path, tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    store = str(tmp_path / "c.db")
    serve = python_module("coordinator.main", "serve", "--listen", listen, "--store", store)
    wanted = ["adapt", "--device", "board", "--json", "--max-latency-ms", "20"]
    with replay_agent(tmp_path, listen, replay_table, "board") as agent:
        with Process(serve, tmp_path / "first.log"):
            wait_for(lambda: is_online(listen, "board"))
            before = json.loads(coord(listen, *wanted).stdout)
        with Process(serve, tmp_path / "second.log") as second:
            wait_for(lambda: is_online(listen, "board"))
            after = json.loads(coord(listen, *wanted).stdout)
            assert agent.stop() == 0
            assert second.stop() == 0
    assert after["picks"] == before["picks"]
