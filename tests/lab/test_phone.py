"""The whole way of a number over a real adbd: adapt, a pulled cable, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.boards.android.build import build_runner
from agent.boards.android.link import FOLDER, AdbLink, find_adb
from agent.boards.android.quoting import command_line
from coordinator.client import Client
from help_core.records import CollectionOrder, Device, JobState
from tests.e2e.processes import Process, free_port, is_online, python_module, wait_for
from tests.lab import phone_root
from tests.lab.phone import SERIAL, LabPhone

pytestmark = pytest.mark.lab

ORT_HEADER = Path(__file__).parents[2] / "agent/boards/android/runner/ort.h"
CELL = "nasbench201:|skip_connect~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
VSOCK_LOCAL = 1
"""This machine, as the kernel numbers it (vsock(7))."""
HOSTILE = ["it's", 'say "x"', "a b", "a;id", "$(id)", "`id`", "a\nb", "-n", "\\", "*", "$HOME", "&"]


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabPhone]:
    try:
        phone = LabPhone(tmp_path_factory.mktemp("phone"))
        with phone:
            yield phone
    except phone_root.Lacking as lacking:
        pytest.skip(f"no phone for tests: {lacking}")


@pytest.fixture
def link(phone: LabPhone, monkeypatch: pytest.MonkeyPatch) -> AdbLink:
    monkeypatch.setenv("ADB_SERVER_SOCKET", phone.server_socket)
    return AdbLink(find_adb(), SERIAL)


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[str]:
    listen = f"127.0.0.1:{free_port()}"
    command = python_module("coordinator.main", "serve", "--listen", listen)
    command += ["--store", str(tmp_path / "coordinator.db")]
    with Process(command, tmp_path / "coordinator.log") as process:
        wait_for(lambda: "listens on" in process.log.read_text(), 120)
        yield listen
        assert process.stop() == 0


def test_adbd_is_bound_to_loopback_only(phone: LabPhone) -> None:
    lines = phone.inside("ss", "-Hltn").splitlines()
    addresses = {line.split()[3] for line in lines}
    assert addresses
    assert all(one.startswith(("127.0.0.1:", "[::1]:")) for one in addresses)


def test_adbd_is_not_reached_over_vsock(phone: LabPhone) -> None:
    assert phone.inside("ss", "-Hl", "--vsock").strip() == ""
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as caller:
        caller.settimeout(2.0)
        with pytest.raises(OSError, match=r"reset|refused|device|timed out|route|unreachable"):
            caller.connect((VSOCK_LOCAL, 5555))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_arrive_on_the_phone_as_they_are(link: AdbLink, text: str) -> None:
    answer = link.shell(command_line(["print", "-rn", "--", text]))
    assert (answer.code, answer.text.removesuffix("\n")) == (0, text)


def test_exit_codes_of_the_phone_arrive(link: AdbLink) -> None:
    assert link.shell("exit 7").code == 7


def test_the_runner_knows_the_places_of_the_official_api(tmp_path: Path) -> None:
    """Each function's place in the table is compared with onnxruntime's own header."""
    try:
        header = phone_root.official_header()
    except phone_root.Lacking as lacking:
        pytest.skip(f"no header of onnxruntime: {lacking}")
    places = re.findall(r"F\((\d+), [^,]+, (\w+),", ORT_HEADER.read_text())
    assert len(places) > 20
    checks = "".join(
        f'_Static_assert(offsetof(OrtApi, {name}) == {place} * sizeof(void *), "{name}");\n'
        for place, name in places
    )
    source = tmp_path / "places.c"
    source.write_text(f'#include <stddef.h>\n#include "{header}"\n{checks}')
    done = subprocess.run(["cc", "-fsyntax-only", str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def phone_agent(phone: LabPhone, folder: Path, address: str) -> Process:
    runner = build_runner(phone_root.COMPILER, folder / "help-runner")
    command = ["env", f"ADB_SERVER_SOCKET={phone.server_socket}"]
    command += python_module("agent.main", "run", "--coordinator", address, "--board", "android")
    command += ["--serial", SERIAL, "--device", "phone", "--stay-awake", "--runner", str(runner)]
    command += ["--library", str(phone_root.library()), "--state-dir", str(folder / "state")]
    return Process(command, folder / "agent.log")


def runners(phone: LabPhone) -> list[str]:
    """Runners that work on the phone: Arm programs out of the agent's folder."""
    began = f" {FOLDER}-"
    return [words for words in phone.processes() if words.partition("static")[2].startswith(began)]


def pull_the_cable_once(phone: LabPhone, pulled: threading.Event) -> None:
    """As soon as a runner works on the phone, its cable is out for a moment."""
    phone.wait_until(lambda: bool(runners(phone)), 300)
    phone.unplug()
    pulled.set()
    threading.Event().wait(3.0)
    phone.plug()


@pytest.mark.timeout(900)
def test_adapt_survives_a_pulled_cable_and_leaves_nothing_behind(
    phone: LabPhone, coordinator: str, tmp_path: Path
) -> None:
    pulled = threading.Event()
    with phone_agent(phone, tmp_path, coordinator) as agent:
        wait_for(lambda: is_online(coordinator, "phone") or agent.popen.poll() is not None, 120)
        assert agent.popen.poll() is None, agent.log.read_text()
        assert phone.setting("stay_on_while_plugged_in") == "7"
        puller = threading.Thread(target=pull_the_cable_once, args=(phone, pulled))
        puller.start()
        adapt = [sys.executable, "-m", "coordinator.main", "adapt", "--coordinator", coordinator]
        adapt += ["--device", "phone", "--samples", "3", "--measurements", "2", "--json"]
        done = subprocess.run(adapt, capture_output=True, text=True, timeout=800, env=os.environ)
        puller.join()
        log = agent.log.read_text()
        assert done.returncode == 0, done.stderr + log
        assert pulled.is_set()
        assert "went away" in log
        with Client(coordinator) as client:
            (status,) = client.devices()
        assert agent.stop(signal.SIGTERM) == 0, agent.log.read_text()
    answer = json.loads(done.stdout)
    assert answer["picks"]
    assert all(pick["measured_ms"] > 0 for pick in answer["picks"])
    assert (status.failed_jobs, status.leased_jobs, status.queued_jobs) == (0, 0, 0)
    assert status.valid_measurements + status.suspect_measurements >= 3
    check_the_device(status.device)
    check_the_phone_is_as_found(phone)


@pytest.mark.timeout(400)
def test_an_agent_that_is_stopped_while_it_measures_leaves_nothing_behind(
    phone: LabPhone, coordinator: str, tmp_path: Path
) -> None:
    with phone_agent(phone, tmp_path, coordinator) as agent, Client(coordinator) as client:
        wait_for(lambda: is_online(coordinator, "phone") or agent.popen.poll() is not None, 120)
        next(iter(client.collect(CollectionOrder("c-stopped"), ["phone"], [CELL])))
        phone.wait_until(lambda: bool(runners(phone)), 240)
        agent.popen.send_signal(signal.SIGTERM)
        assert agent.popen.wait(60) == 0, agent.log.read_text()
        (job,), _ = client.jobs("phone")
        assert job.state is JobState.QUEUED
    check_the_phone_is_as_found(phone)


def check_the_phone_is_as_found(phone: LabPhone) -> None:
    assert phone.files == []
    # A runner whose cable has just gone ends at the end of its input.
    phone.wait_until(lambda: not runners(phone), 30)
    assert phone.setting("stay_on_while_plugged_in") is None


def check_the_device(device: Device) -> None:
    assert device.board.kind == "android"
    assert device.board.processor == "Cortex-A72"
    assert device.board.operating_system.startswith("Android 14, Linux ")
    assert device.board.model.startswith("Lab Phone;")
