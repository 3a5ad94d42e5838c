"""A user's own models along the whole way: added, measured by a real agent, exported."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.client import Client
from help_core.records import CollectionOrder, JobState, Progress
from tests.e2e.processes import (
    Done,
    Process,
    coord,
    is_online,
    python_module,
    run_cli,
    wait_for,
)
from tests.help_core.spaces.own.own_models import CONVOLUTIONAL, TOKENS, model, save_externally

DEVICE = "real"


def save(folder: Path, name: str, text: str = CONVOLUTIONAL) -> Path:
    path = folder / f"{name}.onnx"
    path.write_bytes(model(text).SerializeToString())
    return path


def agent(address: str, folder: Path, device: str) -> Process:
    command = python_module("agent.main", "run", "--coordinator", address, "--device", device)
    return Process([*command, "--state-dir", str(folder / device)], folder / f"{device}.log")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def device(address: str, folder: Path) -> Iterator[str]:
    """An agent that measures on this machine."""
    with agent(address, folder, DEVICE) as process:
        wait_for(lambda: is_online(address, DEVICE))
        yield DEVICE
        assert process.stop() == 0


def added(done: Done) -> dict[str, str]:
    """The architectures of added models by name."""
    assert done.returncode == 0, done.stderr
    return {row["name"]: row["architecture"] for row in json.loads(done.stdout)}


def test_a_folder_of_models_is_added_measured_and_exported(
    address: str, device: str, tmp_path: Path
) -> None:
    save(tmp_path, "picture")
    save(tmp_path, "words", TOKENS)
    save_externally(tmp_path, "heavy")
    (tmp_path / "words.toml").write_text('[axes]\nseq = 6\n"extra.0" = 2\n')
    done = coord(address, "models", "add", str(tmp_path), "--axis", "N=1", "--json")
    names = added(done)
    assert sorted(names) == ["heavy", "picture", "words"]
    again = json.loads(
        coord(address, "models", "add", str(tmp_path), "--axis=N=1", "--json").stdout
    )
    assert [row["sent"] for row in again] == [False] * 3
    assert {row["name"]: row["architecture"] for row in again} == names
    collected = coord(address, "collect", "--device", device, "--models", "all")
    assert collected.returncode == 0, collected.stderr
    exported = coord(address, "export", "--space", "own", "--origin", "both", "--json")
    with Client(address) as client:
        jobs, _ = client.jobs(device)
        (status,) = [each for each in client.devices() if each.device.name == device]
    assert {job.architecture for job in jobs} == set(names.values())
    assert all(job.state is JobState.DONE for job in jobs)
    rows = {row["architecture"]: row["latency_ms"] for row in json.loads(exported.stdout or "[]")}
    assert set(rows) <= set(names.values())
    # A busy machine makes suspects, which are kept but not exported.
    assert len(rows) == status.valid_measurements
    assert status.valid_measurements + status.suspect_measurements == len(names)
    assert all(latency_ms > 0 for latency_ms in rows.values())


def test_one_model_is_chosen_by_name_and_kept_under_its_hash(
    address: str, device: str, tmp_path: Path
) -> None:
    path = save(tmp_path, "versions")
    old = added(coord(address, "models", "add", str(path), "--json"))["versions"]
    save(tmp_path, "versions", CONVOLUTIONAL.replace("Relu(c)", "Sigmoid(c)"))
    refused = coord(address, "models", "add", str(path))
    assert refused.returncode == 7
    assert old in refused.stderr
    assert "--replace" in refused.stderr
    new = added(coord(address, "models", "add", str(path), "--replace", "--json"))["versions"]
    assert new != old
    gone = coord(address, "collect", "--device", device, "--architecture", old)
    assert gone.returncode == 3
    assert f"keeps no model {old}" in gone.stderr
    listed = json.loads(coord(address, "models", "list", "--json").stdout)
    assert new in [row["architecture"] for row in listed]


def test_a_model_removed_while_its_job_waits_is_a_failure_that_says_so(
    address: str, tmp_path: Path
) -> None:
    with agent(address, tmp_path, "later") as process:
        wait_for(lambda: is_online(address, "later"))
        assert process.stop() == 0
    # Content of its own: what another name holds too would stay.
    save(tmp_path, "fleeting", CONVOLUTIONAL.replace("Relu(c)", "Tanh(c)"))
    name = added(coord(address, "models", "add", str(tmp_path), "--json"))["fleeting"]
    with Client(address) as client:
        events = client.collect(CollectionOrder("fleeting"), ["later"], [name])
        assert isinstance(next(iter(events)), Progress)
        assert coord(address, "models", "remove", "fleeting").returncode == 0
        with agent(address, tmp_path, "later") as process:
            wait_for(lambda: client.jobs("later", [JobState.FAILED])[1] == 1)
            assert process.stop() == 0
        (job,), _ = client.jobs("later")
    assert job.error.startswith("bad-model: the coordinator keeps no model")
    assert "removed or replaced" in job.error
    assert job.attempts == 1


def test_nothing_is_predicted_of_own_models_and_what_to_do_is_said(
    address: str, device: str
) -> None:
    for wanted in (
        ["adapt", "--space", "own"],
        ["search", "--space", "own", "--max-latency-ms", "9"],
        ["predict", "--architecture", "own:net@0123456789abcdef"],
    ):
        done = coord(address, *wanted, "--device", device)
        assert done.returncode == 2
        assert "nothing can be predicted" in done.stderr
        assert "help-coord collect" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["models", "add", "{folder}/broken.onnx"], 2, "broken.onnx: is not an ONNX model"),
        (["models", "add", "{folder}/words.onnx"], 2, "axis 'seq'"),
        (["models", "add", "{folder}/words.onnx", "--axis", "seq"], 2, "must be NAME=SIZE"),
        (["models", "add", "{folder}/all.onnx"], 2, "cannot be named 'all'"),
        (["models", "add", "{folder}/empty"], 2, "holds no .onnx files"),
        (["models", "add", "{folder}/none.onnx"], 2, "none.onnx: cannot be read"),
        (["models", "remove", "nothing"], 3, "no model 'nothing'"),
        (["collect", "--device", "x", "--models", "nothing"], 3, "'nothing' is unknown"),
        (["collect", "--device", "x", "--architecture", "own:net"], 2, "is not NAME@HASH"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(
    address: str, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"nonsense")
    (tmp_path / "empty").mkdir()
    save(tmp_path, "words", TOKENS)
    save(tmp_path, "all")
    done = coord(address, *(argument.format(folder=tmp_path) for argument in arguments))
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_the_agent_alone_measures_a_file_with_dynamic_axes(tmp_path: Path) -> None:
    path = save(tmp_path, "words", TOKENS)
    refused = run_cli("agent.main", "measure", "--onnx", str(path))
    assert refused.returncode == 2
    assert "axis 'seq'" in refused.stderr
    axes = ["--axis", "seq=4", "--axis", "extra.0=2"]
    done = run_cli("agent.main", "measure", "--onnx", str(path), *axes, "--json")
    assert done.returncode == 0, done.stderr
    measurement = json.loads(done.stdout)
    assert measurement["summary"]["median_ms"] > 0
    assert measurement["verdict"] in ("valid", "suspect")


PACKAGE = """
import numpy as np
from help_core.errors import BadArchitecture
from help_core.graphs import GraphBuilder
from help_core.spaces import Architecture, Cost, Stage


class Towers:
    name = "towers"

    def parse(self, text):
        height = text.removeprefix("towers:")
        if not height.isdecimal() or not 1 <= int(height) <= 9:
            raise BadArchitecture(f"towers: {height!r} is not 1-9")
        return Architecture("towers", height)

    def build(self, architecture, options):
        graph = GraphBuilder("tower", options.precision, options.seed)
        value = graph.input("image", (options.batch_size, 4, 8, 8))
        for _ in range(int(architecture.text)):
            value = graph.relu(graph.conv(value, 4, 4, 3))
        return (Stage("tower", graph.finish([(value, (options.batch_size, 4, 8, 8))])),)

    def cost(self, architecture):
        return Cost(148 * int(architecture.text), 144 * 64 * int(architecture.text))

    def reference_architectures(self):
        return tuple(Architecture("towers", str(height)) for height in range(1, 10))
"""


@pytest.fixture
def installed_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a user's, as pip would lay it out, that adds the space ``towers``."""
    (tmp_path / "towers.py").write_text(PACKAGE)
    info = tmp_path / "towers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: towers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[help_fleet.spaces]\ntowers = towers:Towers\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    monkeypatch.setenv("PYTHONPATH", path)


@pytest.mark.usefixtures("installed_space")
def test_a_space_class_of_an_installed_package_is_measured() -> None:
    done = run_cli("agent.main", "measure", "--architecture", "towers:3", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["median_ms"] > 0
    bad = run_cli("agent.main", "measure", "--architecture", "towers:12")
    assert (bad.returncode, "'12' is not 1-9" in bad.stderr) == (2, True)
    unknown = run_cli("agent.main", "measure", "--architecture", "castles:3")
    assert "towers" in unknown.stderr
    assert "towers" not in sys.modules
