"""The real aarch64 wheels, emulated: a Raspberry Pi 4 from its files to an adapted predictor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.processes import Process, wait_for
from tests.e2e.secure import Fleet, secure_fleet
from tests.lab.arm_root import ArmRoot, Lacking, arm_root
from tests.lab.emulated import EmulatedBoard, make_board
from tests.lab.raspberry_pi import KERNEL, PROCESSOR, RASPBERRY_PI_4

pytestmark = pytest.mark.lab

SAMPLES = 20
ADAPT_S = 1500.0
"""Minutes on a quiet machine; many more where others keep its cores busy."""


@pytest.fixture(scope="module")
def root() -> ArmRoot:
    try:
        return arm_root()
    except Lacking as error:
        pytest.skip(f"no emulated Arm board: {error}")


@pytest.fixture(scope="module")
def pi(root: ArmRoot, tmp_path_factory: pytest.TempPathFactory) -> EmulatedBoard:
    folder = tmp_path_factory.mktemp('raspberry pi\'s "4"; touch pwned')
    return make_board(folder, root, RASPBERRY_PI_4, processor=PROCESSOR, kernel=KERNEL)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with secure_fleet(tmp_path_factory.mktemp("fleet")) as running:
        token = running.token("admin", "--label", "lab", "--store", str(running.home / "c.db"))
        done = running.coord("login", "--ca-fingerprint", running.fingerprint, HELP_TOKEN=token)
        assert done.returncode == 0, done.stderr
        yield running


def devices(fleet: Fleet) -> list[dict[str, Any]]:
    done = fleet.coord("devices", "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def agent(fleet: Fleet, pi: EmulatedBoard) -> Iterator[Process]:
    """The emulated agent, enrolled with a one-time token and online as ``raspi4``."""
    token = fleet.token("agent-enrol", "--label", "raspi4")
    state = ["--state-dir", str(pi.folder / "state")]
    enroll = ["enroll", "--coordinator", fleet.address, "--ca-fingerprint", fleet.fingerprint]
    done = pi.run("agent.main", *enroll, *state, timeout_s=240, HELP_TOKEN=token)
    assert done.returncode == 0, done.stderr
    command = ["run", "--board", "auto", "--device", "raspi4", "--processes", "1", *state]
    with Process(pi.command("agent.main", *command), pi.folder / "agent.log") as process:
        wait_for(lambda: any(one["device"]["online"] for one in devices(fleet)), timeout_s=240)
        yield process
        assert process.stop() == 0


def test_the_boards_python_is_arm_and_has_neither_torch_nor_scipy(pi: EmulatedBoard) -> None:
    program = (
        "import importlib.util as u, platform, agent.main;"
        "print(platform.machine(), u.find_spec('torch'), u.find_spec('scipy'))"
    )
    done = pi.evaluate(program)
    assert done.stdout == "aarch64 None None\n", done.stderr


def test_it_is_known_as_a_raspberry_pi_4_by_its_files(pi: EmulatedBoard) -> None:
    done = pi.run("agent.main", "probe", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["board"]["kind"] == "raspberry-pi"
    assert found["board"]["model"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert found["board"]["processor"] == "BCM2711, 4x Cortex-A72"
    assert found["board"]["operating_system"] == f"Linux {KERNEL}"
    assert found["readings"]["cpu_temperature_c"] == pytest.approx(48.199)
    assert found["readings"]["cpu_clock_mhz"] == 1500
    assert found["throttling_readable"]
    assert "CPUExecutionProvider" in found["providers"]
    assert not found["unreadable"].keys() & {"cpu_temperature_c", "cpu_clock_mhz", "throttling"}


@pytest.mark.timeout(1800)
def test_help_adapts_to_it_over_tls(fleet: Fleet, agent: Process) -> None:
    """Twenty architectures and the winner are measured on the emulated board itself."""
    command = ["adapt", "--device", "raspi4", "--samples", str(SAMPLES), "--seed", "1"]
    command += ["--max-latency-ms", "2000", "--measurements", "2", "--json"]
    done = replace(fleet, timeout_s=ADAPT_S).coord(*command)
    assert done.returncode == 0, done.stderr + agent.log.read_text()[-2000:]
    (pick,) = json.loads(done.stdout)["picks"]
    assert 0 < pick["measured_ms"] <= 2000
    (status,) = devices(fleet)
    assert status["device"]["board"]["kind"] == "raspberry-pi"
    assert "Cortex-A72" in status["device"]["board"]["processor"]
    measured = status["valid_measurements"] + status["suspect_measurements"]
    assert measured >= SAMPLES
    assert status["failed_jobs"] == 0


def test_a_single_measurement_says_on_which_cores_it_was_made(pi: EmulatedBoard) -> None:
    architecture = (
        "nasbench201:|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|"
    )
    command = ["measure", "--architecture", architecture, "--processes", "1", "--no-memory"]
    done = pi.run("agent.main", *command, "--json", timeout_s=400)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["summary"]["median_ms"] > 0
    assert found["fingerprint"]["processor"] == "BCM2711, 4x Cortex-A72"
    assert found["fingerprint"]["kernel"] == KERNEL
