"""One agent for two phones: each is a device, measures and is left as it was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.boards.android.binaries import Binaries
from coordinator.client import Client
from help_core.records import CollectionOrder, JobState
from tests.agent.boards.android.adb_program import make_adb
from tests.agent.boards.android.phones import make_binaries
from tests.e2e.processes import Process, is_online, python_module, run_cli, wait_for

CELL = "nasbench201:|skip_connect~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
DEVICES = ["Folder--Phone-A1", "Folder--Phone-B2"]


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Binaries:
    return make_binaries(tmp_path_factory.mktemp("runner"))


def phone_options(adb: Path, binaries: Binaries) -> list[str]:
    options = ["--board", "android", "--adb", str(adb), "--runner", str(binaries.runner)]
    return [*options, "--library", str(binaries.library)]


def presences(client: Client) -> list[str]:
    return [one.device.presence for one in client.devices() if one.device.name in DEVICES]


@pytest.mark.slow
def test_two_phones_of_one_agent_measure_and_are_left_empty(
    address: str, binaries: Binaries, tmp_path: Path
) -> None:
    adb = make_adb(tmp_path / "adb", ["A1", "B2"])
    command = python_module("agent.main", "run", "--coordinator", address)
    command += [*phone_options(adb, binaries), "--state-dir", str(tmp_path / "state")]
    with Process(command, tmp_path / "agent.log") as agent, Client(address) as client:
        wait_for(lambda: all(is_online(address, name) for name in DEVICES), 90)
        list(client.collect(CollectionOrder("c-phones"), DEVICES, [CELL]))
        for name in DEVICES:
            jobs, _ = client.jobs(name)
            assert [job.state for job in jobs] == [JobState.DONE], agent.log.read_text()
        cable = tmp_path / "adb" / "A1" / "plugged"
        cable.unlink()
        wait_for(lambda: presences(client) == ["board away", "online"], 90)
        cable.touch()
        wait_for(lambda: presences(client) == ["online", "online"], 90)
        assert agent.stop() == 0, agent.log.read_text()
    assert not list((tmp_path / "adb").glob("*/tmp/*"))


def test_a_phone_that_is_not_there_is_one_line(binaries: Binaries, tmp_path: Path) -> None:
    adb = make_adb(tmp_path / "adb", ["A1"])
    options = [*phone_options(adb, binaries), "--serial", "C3; id", "--state-dir", str(tmp_path)]
    done = run_cli("agent.main", "run", *options)
    assert done.returncode == 4
    assert "phone 'C3; id' is not ready; adb sees A1 (device)" in " ".join(done.stderr.split())


def test_options_of_phones_go_with_phones() -> None:
    done = run_cli("agent.main", "run", "--serial", "A1")
    assert done.returncode == 2
    assert "--board android" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--board", "replay", "--processes", "3"], "--processes goes with --board auto"),
        (["--board", "a:B", "--processes", "3"], "--processes goes with --board auto"),
        (["--column", "tx2"], "--board replay"),
    ],
)
def test_an_option_that_a_board_does_not_know_is_refused(options: list[str], words: str) -> None:
    done = run_cli("agent.main", "run", *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
