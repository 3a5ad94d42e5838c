"""plot, against a coordinator in this process and a replay agent in another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.fleet import Fleet
from coordinator.store import open_store
from help_core.records import Board, Device, Settings
from tests.coordinator.cli.conftest import Coord
from tests.e2e.made_table import write_made_table
from tests.e2e.processes import is_online, replay_agent, wait_for

KINDS = ("front", "calibration", "embedding")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a coordinator with an answer for ``board``, one for ``server`` that rests on its support
    alone, and none for ``idle``.
    """
    folder = tmp_path_factory.mktemp("plots")
    table = write_made_table(folder / "table.csv")
    store = open_store(str(folder / "store.db"))
    store.register("a" * 32, "0.1.0", [Device("idle", Board("x86"), Settings())], 0.0)
    store.close()
    with Fleet.local(str(folder / "store.db")) as fleet:
        address = fleet.client.address
        with (
            replay_agent(folder / "board", address, table, "board"),
            replay_agent(folder / "server", address, table, "server"),
        ):
            wait_for(lambda: is_online(address, "board") and is_online(address, "server"))
            fleet.adapt("board", max_latency_ms=[4.0, 12.0])
            fleet.adapt("server", verify=False)
            yield address


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_written_where_it_was_asked_for(
    coord: Coord, address: str, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "new" / f"{kind}.png"
    done = coord("plot", kind, "--device", "board", "--out", path, "--coordinator", address)
    assert done.code == 0, done.stderr
    assert done.stdout.strip() == f"{path} is written."
    assert path.read_bytes()[:8] == PNG
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_json_is_the_figures_alone_and_the_picture_may_come_too(
    coord: Coord, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "calibration.svg"
    arguments = ("--device", "board", "--json", "--coordinator", address)
    found = json.loads(coord("plot", "calibration", *arguments, "--out", path).stdout)
    held = sum(one["low_ms"] <= one["measured_ms"] <= one["high_ms"] for one in found["points"])
    assert f"held {held} of {len(found['points'])}" in path.read_text()
    found = json.loads(coord("plot", "embedding", *arguments).stdout)
    assert len(found["architectures"]) == len(found["relative"]) == 10
    found = json.loads(coord("plot", "front", *arguments).stdout)
    assert [pick["limit_ms"] for pick in found["picks"]] == [4.0, 12.0]


def test_the_front_is_that_of_the_newest_answer(coord: Coord, address: str) -> None:
    with Fleet.connect(address) as fleet:
        asked = fleet.adapt("board", max_latency_ms=[8.0], verify=False)
        assert fleet.answer("board") == asked
    arguments = ("--device", "board", "--json", "--coordinator", address)
    found = json.loads(coord("plot", "front", *arguments).stdout)
    assert [pick["measured_ms"] for pick in found["picks"]] == [None]


def test_what_python_gets_are_the_same_figures(address: str) -> None:
    with Fleet.connect(address) as fleet:
        calibration = fleet.calibration("board")
        embedding = fleet.embedding("board")
        answer = fleet.answer("board")
    shown = {point.architecture for point in answer.support}
    assert shown == set(embedding.architectures)
    assert calibration.points
    assert not shown & {point.architecture for point in calibration.points}


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_that_was_never_adapted_is_told_how(
    coord: Coord, address: str, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "a.png"
    done = coord("plot", kind, "--device", "idle", "--out", out, "--coordinator", address)
    done.is_one_line(3, "idle has no answer in nasbench201", "help-coord adapt --device idle")
    assert not out.exists()


def test_a_calibration_of_the_support_alone_is_told_how_to_get_more(
    coord: Coord, address: str, tmp_path: Path
) -> None:
    arguments = ("--device", "server", "--coordinator", address)
    done = coord("plot", "calibration", *arguments, "--out", tmp_path / "a.png")
    done.is_one_line(2, "besides its 10 support", "help-coord collect --device server")
    found = json.loads(coord("plot", "calibration", *arguments, "--json").stdout)
    assert found["points"] == []
    assert found["spearman"] is None


BAD = [
    (("--device", "board"), 2, "--out FILE.svg"),
    (("--device", "board", "--out", "a.pdf"), 2, ".png or .svg"),
    (("--device", "nobody", "--json"), 3, "unknown device 'nobody'"),
    (("--device", "board", "--space", "nope", "--json"), 3, "unknown search space 'nope'"),
    (("--device", "board", "--out", "/proc/no/a.png"), 6, "cannot be written"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), BAD)
def test_bad_input_is_one_line(
    coord: Coord, address: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = coord("plot", "calibration", *arguments, "--coordinator", address)
    done.is_one_line(code, words)
