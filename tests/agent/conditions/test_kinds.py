"""Every kind of board is recognised, read, and says what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.conditions import describe_host, power_mode, sensors
from agent.conditions.kinds import Linux, find_kind, known_kinds
from agent.conditions.snapshot import READERS, read_all
from agent.conditions.system import System
from agent.conditions.throttle import read_throttle
from tests.agent.trees import (
    COMMON,
    JETSON,
    LAPTOP,
    MAC,
    MAC_LIMITED,
    PI,
    PI_THROTTLED,
    Commands,
    arm_cpuinfo,
    grow,
)

ARM_SERVER = {**COMMON, "proc/cpuinfo": arm_cpuinfo((0x41, 0xD0C), (0x41, 0xD0C))}
BIG_LITTLE = {
    **COMMON,
    "proc/device-tree/model": "Radxa ROCK 5B\0",
    "proc/device-tree/compatible": "radxa,rock-5b\0rockchip,rk3588\0",
    "proc/cpuinfo": arm_cpuinfo((0x41, 0xD05), (0x41, 0xD0B)),
    "sys/devices/system/cpu/cpu0/cpu_capacity": "530\n",
    "sys/devices/system/cpu/cpu1/cpu_capacity": "1024\n",
}
NVPMODEL = "NV Fan Mode:quiet\nNV Power Mode: 15W\n1\n"
XAVIER_RAILS = "sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0"


@pytest.mark.parametrize(
    ("files", "platform_name", "machine", "kind"),
    [
        (LAPTOP, "Linux", "x86_64", "linux-x86_64"),
        (PI, "Linux", "aarch64", "raspberry-pi"),
        (JETSON, "Linux", "aarch64", "jetson"),
        (ARM_SERVER, "Linux", "aarch64", "linux-aarch64"),
        (BIG_LITTLE, "Linux", "aarch64", "linux-aarch64"),
        ({}, "Darwin", "arm64", "macos"),
        ({}, "Linux", "riscv64", "linux"),
    ],
)
def test_auto_finds_the_kind(
    tmp_path: Path, files: Mapping[str, str], platform_name: str, machine: str, kind: str
) -> None:
    grow(tmp_path, files)
    system = System(tmp_path, Commands(), platform_name=platform_name, machine=machine)
    assert find_kind(system).name == kind
    assert describe_host(system).kind == kind


def test_every_kind_reads_a_bare_machine_without_breaking(tmp_path: Path) -> None:
    system = System(tmp_path, Commands(), platform_name="Plan 9", machine="pdp11")
    for kind in (*known_kinds(), Linux()):
        assert power_mode(system, kind) == "unreadable"
        values = read_all(system, kind)
        assert values.keys() >= READERS.keys()
        # What a kind adds is its own; if it is not there, there is a reason to show.
        added = values.keys() - READERS.keys()
        assert added <= kind.why_unreadable(system).keys()


def test_a_pi_shows_the_clock_that_its_firmware_grants(tmp_path: Path) -> None:
    commands = Commands({"vcgencmd measure_clock arm": "frequency(48)=600117184\n"})
    assert read_all(grow(tmp_path, PI, commands))["firmware_clock_mhz"] == pytest.approx(600.117184)


def test_a_pi_names_its_chip_and_cores(tmp_path: Path) -> None:
    files = {
        **PI,
        "proc/cpuinfo": arm_cpuinfo(*[(0x41, 0xD08)] * 4),
        "proc/device-tree/compatible": "raspberrypi,4-model-b\0brcm,bcm2711\0",
    }
    assert describe_host(grow(tmp_path, files)).processor == "BCM2711, 4x Cortex-A72"


def test_a_pi_without_vcgencmd_still_tells_under_voltage(tmp_path: Path) -> None:
    files = {path: text for path, text in PI.items() if path != PI_THROTTLED}
    hwmon = {"sys/class/hwmon/hwmon1/name": "rpi_volt\n"}
    calm = grow(tmp_path, {**files, **hwmon, "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n"})
    assert read_throttle(calm).active == set()
    # The alarm alone says nothing of heat, so throttling stays unreadable.
    assert not read_throttle(calm).readable
    alarmed = grow(tmp_path, {"sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n"})
    assert read_throttle(alarmed).active == {"under-voltage"}


def test_a_jetson_shows_mode_gpu_and_the_power_of_each_rail(tmp_path: Path) -> None:
    files = {
        **JETSON,
        "sys/class/devfreq/17000000.gpu/cur_freq": "306000000\n",
        "sys/devices/platform/bus@0/17000000.gpu/load": "427\n",
        "sys/class/thermal/thermal_zone1/type": "gpu-thermal\n",
        "sys/class/thermal/thermal_zone1/temp": "51500\n",
    }
    system = grow(tmp_path, files, Commands({"nvpmodel -q": NVPMODEL}))
    assert power_mode(system) == "15W (1)"
    values = read_all(system)
    assert values["gpu_clock_mhz"] == 306
    assert values["gpu_load_percent"] == pytest.approx(42.7)
    assert values["gpu_temperature_c"] == 51.5
    assert values["power_vdd_in_mw"] == 6000
    assert values["power_vdd_cpu_gpu_cv_mw"] == 2000


def test_an_older_jetson_tells_power_by_its_own_driver(tmp_path: Path) -> None:
    files = {
        **{path: text for path, text in JETSON.items() if "ina3221" not in path},
        f"{XAVIER_RAILS}/rail_name_0": "VDD_IN\n",
        f"{XAVIER_RAILS}/in_power0_input": "7315\n",
    }
    assert read_all(grow(tmp_path, files))["power_vdd_in_mw"] == 7315


def test_a_jetson_without_a_power_monitor_says_so(tmp_path: Path) -> None:
    files = {path: text for path, text in JETSON.items() if "ina3221" not in path}
    system = grow(tmp_path, files)
    assert read_all(system)["power_vdd_in_mw"] is None
    assert "INA3221" in find_kind(system).why_unreadable(system)["power_vdd_in_mw"]


def test_a_mac_tells_what_it_tells_without_root(tmp_path: Path) -> None:
    system = System(tmp_path, Commands(MAC), platform_name="Darwin", machine="arm64")
    board = describe_host(system)
    assert board.model == "MacBookPro18,3"
    assert board.processor == "Apple M1 Pro, 6x performance + 2x efficiency"
    assert power_mode(system) == "low power"
    values = read_all(system)
    assert values["battery_percent"] == 83
    assert sensors.on_battery(system) is True
    assert values["cpu_temperature_c"] is None
    assert "root" in find_kind(system).why_unreadable(system)["cpu_temperature_c"]
    assert read_throttle(system).readable
    assert read_throttle(system).active == set()


def test_a_mac_that_is_limited_says_so(tmp_path: Path) -> None:
    commands = Commands({**MAC, "pmset -g therm": MAC_LIMITED})
    system = System(tmp_path, commands, platform_name="Darwin", machine="x86_64")
    assert read_throttle(system).active == {"cpu-speed-limit"}
    assert read_all(system)["cpu_speed_limit_percent"] == 62
    # Often and beside a measurement no command is run.
    commands.run.clear()
    read_throttle(system, commands=False)
    assert commands.run == []


def test_a_kind_of_ones_own_comes_before_the_built_in_ones(tmp_path: Path) -> None:
    class Bench(Linux):
        @property
        def name(self) -> str:
            return "test-bench"

    system = grow(tmp_path, PI)
    assert find_kind(system, (Bench(), *known_kinds())).name == "test-bench"
