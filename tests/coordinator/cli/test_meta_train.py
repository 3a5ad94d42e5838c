"""help-coord meta-train: from a file, from the store, from both; broken off and gone on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from coordinator.store import open_store
from help_core.predictors.artefacts import ArtefactFolder
from help_core.predictors.help.checkpoint import load_checkpoint
from help_core.predictors.transfer.artefact import load_knowledge
from help_core.records import TableRow
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable, format_latency_csv
from tests.coordinator.cli.conftest import Coord

SPACE = NasBench201()
SHORT = ("--predictor", "meta-sgd", "--episodes", 4)


def table_rows(table: LatencyTable) -> Iterable[TableRow]:
    for architecture, row in zip(table.architectures, table.latency_ms.tolist(), strict=True):
        for device, latency_ms in zip(table.devices, row, strict=True):
            yield TableRow(str(architecture), device, latency_ms)


def test_transfer_is_learned_with_its_provenance(
    coord: Coord, table_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "made" / "transfer-nasbench201.safetensors"
    done = coord(
        *("meta-train", "--table", table_file, "--devices", "a,b,c", "--json"),
        *("--validation-devices", "d,e", "--train-architectures", 100, "--out", out),
    )
    assert (done.code, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["artefact"] == str(out)
    assert set(report["validation"]) == {"d", "e"}
    assert report["validation"]["d"] > 0.9
    knowledge, provenance = load_knowledge(out, SPACE)
    assert knowledge.tables.devices == ("a", "b", "c")
    assert provenance.architectures == 100
    assert "--devices a,b,c" in provenance.command


def test_the_seed_that_validates_best_is_kept(
    coord: Coord, table_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "meta-sgd-nasbench201.safetensors"
    done = coord(
        *("meta-train", "--table", table_file, *SHORT, "--out", out, "--json"),
        *("--seed", 1, "--seed", 2, "--validation-devices", "e", "--executor", "local:2"),
    )
    assert done.code == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report["seeds"]) == {"1", "2"}
    assert report["seeds"][str(report["seed"])] == max(report["seeds"].values())
    _, record = load_checkpoint(out)
    assert record.training_devices == ("a", "b", "c", "d")
    assert record.seed == report["seed"]
    assert sorted(path.name for path in tmp_path.glob("meta-sgd*")) == [
        "meta-sgd-nasbench201.json",
        "meta-sgd-nasbench201.safetensors",
    ]


def test_the_fleets_own_store_and_a_table_are_joined(
    coord: Coord, small_table: LatencyTable, tmp_path: Path
) -> None:
    store_file = tmp_path / "fleet.db"
    store = open_store(str(store_file))
    store.add_rows(SPACE.name, "test", table_rows(small_table.select(["a", "b"])))
    store.close()
    file = tmp_path / "more.csv"
    file.write_text(format_latency_csv(small_table.select(["c", "d", "e"])))
    from_store = ("meta-train", "--from-store", "--store", store_file, "--json")
    trained = []
    for arguments in (from_store, (*from_store, "--table", file)):
        done = coord(*arguments, "--out", tmp_path / "transfer-nasbench201.safetensors")
        assert done.code == 0, done.stderr
        trained.append(sorted(json.loads(done.stdout)["training_devices"]))
    assert trained == [["a", "b"], ["a", "b", "c", "d", "e"]]


def test_a_broken_run_goes_on_and_ends_as_an_unbroken_one(
    coord: Coord, table_file: Path, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    state = tmp_path / "broken.seed1.state"
    wanted = ["meta-train", "--table", str(table_file), "--predictor", "maml"]
    wanted += ["--episodes", "110", "--validation-devices", "e"]
    # A shell that starts the tests in the background would have Ctrl-C ignored.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from coordinator.main import main; main()"
    )
    command = [sys.executable, "-c", program, *wanted, "--out", str(broken)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while not state.exists() and time.monotonic() < end and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=30)
    assert running.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert not broken.exists()
    assert state.exists()
    assert coord(*wanted, "--out", broken, "--resume").code == 0
    assert coord(*wanted, "--out", whole).code == 0
    assert not state.exists()
    first, second = (load_checkpoint(path)[0].state_dict() for path in (broken, whole))
    for name, value in first.items():
        np.testing.assert_array_equal(value.numpy(), second[name].numpy())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, ["give --table FILE, --from-store, or both"]),
        (("--table", "TABLE", "--predictor", "flops"), 3, ["'flops'", "transfer, help"]),
        (("--table", "TABLE", "--devices", "z"), 3, ["table.csv", "'z'", "a, b, c, d, e"]),
        (("--table", "TABLE", "--devices", "a", "--validation-devices", "a"), 2, ["a would be"]),
        (("--table", "TABLE", "--out", "x.bin"), 2, ["x.bin", ".safetensors"]),
        (("--table", "TABLE", "--train-architectures", "9999"), 2, ["table.csv", "9999"]),
        (("--table", "TABLE", "--devices", "a", "--predictor", "help"), 2, ["give 2 or more"]),
        (("--from-store", "--store", "none.db"), 6, ["none.db", "is not there"]),
    ],
)
def test_bad_wishes_are_one_line(
    coord: Coord, table_file: Path, arguments: tuple[str, ...], code: int, words: list[str]
) -> None:
    given = [str(table_file) if each == "TABLE" else each for each in arguments]
    coord("meta-train", *given).is_one_line(code, *words)


def test_a_table_of_few_rows_is_named(coord: Coord, table_file: Path) -> None:
    table_file.write_text("\n".join(table_file.read_text().splitlines()[:6]) + "\n")
    coord("meta-train", "--table", table_file).is_one_line(2, str(table_file), "5 latencies")


def test_the_folder_gives_what_was_trained(coord: Coord, table_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "transfer-nasbench201.safetensors"
    coord("meta-train", "--table", table_file, "--out", out)
    predictor = ArtefactFolder(tmp_path).get("transfer", SPACE)
    assert predictor.name == "transfer"


def test_serve_refuses_a_folder_without_artefacts(coord: Coord, tmp_path: Path) -> None:
    store = tmp_path / "c.db"
    done = coord("serve", "--store", store, "--predictors", tmp_path)
    done.is_one_line(2, str(tmp_path), "meta-train")
    assert not store.exists()
