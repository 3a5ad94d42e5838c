"""Every sensor and flag of a Pi, a Jetson and a laptop is read, and every transition caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.conditions import describe_host, governor, power_mode, sensors, take_snapshot
from agent.conditions.energy import EnergySample, energy_mj, read_energy, wrap_uj
from agent.conditions.host import format_cores
from agent.conditions.load import load_between, read_cpu_times, read_oom_kills
from agent.conditions.throttle import PI_FLAGS, read_throttle, transitions
from tests.agent.trees import COOLING, JETSON, LAPTOP, PI, PI_THROTTLED, POLICY, Commands, grow


def test_a_pi_is_known_with_all_that_it_shows(tmp_path: Path) -> None:
    system = grow(tmp_path, PI)
    board = describe_host(system)
    assert (board.kind, board.model) == ("raspberry-pi", "Raspberry Pi 4 Model B Rev 1.4")
    snapshot = take_snapshot(system)
    assert snapshot.values == {
        "cpu_temperature_c": 61.347,
        "cpu_clock_mhz": 1500.0,
        "load_1min": 0.5,
        "cpu_pressure_10s_percent": 1.25,
        "running_tasks": 2.0,
        "memory_available_mb": pytest.approx(3_000_000 / 1024),
        "battery_percent": None,
        "firmware_clock_mhz": None,
    }
    assert snapshot.swapped_pages == 30
    assert governor(system) == "ondemand"
    assert power_mode(system) == "unreadable"
    assert read_oom_kills(system) == 3
    assert snapshot.throttle.readable


@pytest.mark.parametrize(("bit", "name"), PI_FLAGS.items())
def test_each_throttle_flag_of_a_pi_is_read_now_and_since_boot(
    tmp_path: Path, bit: int, name: str
) -> None:
    before = read_throttle(grow(tmp_path, PI))
    now = read_throttle(grow(tmp_path, {PI_THROTTLED: f"{1 << bit:x}\n"}))
    assert now.active == {name}
    past = read_throttle(grow(tmp_path, {PI_THROTTLED: f"{1 << (bit + 16):x}\n"}))
    assert past.active == frozenset()
    assert past.since_boot == {name}
    assert transitions(before, now) == transitions(before, past) == (name,)
    # A flag that was up since boot all along is no event of this measurement.
    assert transitions(past, past) == ()


def test_a_pi_without_the_file_is_asked_by_its_command(tmp_path: Path) -> None:
    files = {path: text for path, text in PI.items() if path != PI_THROTTLED}
    commands = Commands({"vcgencmd get_throttled": "throttled=0x50005\n"})
    state = read_throttle(grow(tmp_path, files, commands))
    assert state.active == {"under-voltage", "throttled"}
    assert state.since_boot == {"under-voltage", "throttled"}
    assert not read_throttle(grow(tmp_path, files, commands), commands=False).readable
    assert len(commands.run) == 1


def test_a_jetson_is_known_with_all_that_it_shows(tmp_path: Path) -> None:
    system = grow(tmp_path, JETSON)
    assert describe_host(system).kind == "jetson"
    assert power_mode(system) == "pmode:0002"
    assert sensors.temperature_c(system) == 55
    assert sensors.throttling_temperature_c(system) == 95
    state = read_throttle(system)
    assert state.readable
    assert state.active == set()
    assert state.counters == {
        "over-current-oc1": 4,
        "over-current-oc2": 0,
        "cooling-cpufreq-cpu0": 7,
    }


@pytest.mark.parametrize(
    ("path", "text", "sign"),
    [
        ("sys/class/hwmon/hwmon1/oc1_event_cnt", "5", "over-current-oc1"),
        ("sys/class/hwmon/hwmon1/oc2_event_cnt", "1", "over-current-oc2"),
        (f"{COOLING}/cur_state", "2", "cooling-cpufreq-cpu0"),
        (f"{COOLING}/stats/total_trans", "9", "cooling-cpufreq-cpu0"),
    ],
)
def test_each_throttling_of_a_jetson_is_caught(
    tmp_path: Path, path: str, text: str, sign: str
) -> None:
    before = read_throttle(grow(tmp_path, JETSON))
    after = read_throttle(grow(tmp_path, {path: text}))
    assert transitions(before, after) == (sign,)


def test_a_laptop_is_known_with_all_that_it_shows(tmp_path: Path) -> None:
    system = grow(tmp_path, LAPTOP)
    board = describe_host(system)
    assert (board.model, board.processor) == ("ThinkPad", "Intel(R) Core(TM) i7-1165G7")
    # The disk's sensor is hotter and none of our business.
    assert sensors.temperature_c(system) == 74
    assert sensors.clock_mhz(system) == 2800
    assert sensors.nominal_clock_mhz(system) == 4700
    assert sensors.battery_percent(system) == 83
    assert sensors.on_battery(system) is True
    assert power_mode(system) == "balanced"
    assert read_throttle(system).counters == {
        "core-throttle": 5,
        "package-throttle": 1,
        "quota-periods": 2,
    }


@pytest.mark.parametrize(
    ("path", "text", "sign"),
    [
        (
            "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count",
            "4",
            "core-throttle",
        ),
        (
            "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count",
            "2",
            "package-throttle",
        ),
        ("sys/fs/cgroup/cpu.stat", "nr_throttled 3", "quota-periods"),
    ],
)
def test_each_throttling_of_a_laptop_is_caught(
    tmp_path: Path, path: str, text: str, sign: str
) -> None:
    before = read_throttle(grow(tmp_path, LAPTOP))
    after = read_throttle(grow(tmp_path, {path: text}))
    assert transitions(before, after) == (sign,)


def test_a_gpu_that_limits_its_clocks_is_seen_and_an_idle_one_is_not(tmp_path: Path) -> None:
    driver = {**LAPTOP, "proc/driver/nvidia/version": "NVRM\n"}
    commands = Commands({"nvidia-smi": "0x0000000000000001\n"})
    system = grow(tmp_path, driver, commands)
    assert read_throttle(system).active == set()
    commands.answers["nvidia-smi"] = "0x0000000000000041\n"
    assert read_throttle(system).active == {"gpu-thermal-hardware"}


def test_an_empty_machine_is_unreadable_everywhere_and_breaks_nothing(tmp_path: Path) -> None:
    system = grow(tmp_path, {})
    snapshot = take_snapshot(system)
    assert set(snapshot.values.values()) == {None}
    assert not snapshot.throttle.readable
    assert governor(system) == power_mode(system) == "unreadable"
    assert read_energy(system, 5) == EnergySample(5)


def test_damaged_files_are_unreadable_and_break_nothing(tmp_path: Path) -> None:
    files = dict.fromkeys({**PI, **LAPTOP, **JETSON}, "garbage\n")
    snapshot = take_snapshot(grow(tmp_path, files))
    assert set(snapshot.values.values()) == {None}


def test_load_by_others_is_what_is_neither_idle_nor_ours(tmp_path: Path) -> None:
    before = read_cpu_times(grow(tmp_path, PI))
    later = {"proc/stat": "cpu  1250 0 550 8080 100 0 0 70 0 0\nprocs_running 2\n"}
    after = read_cpu_times(grow(tmp_path, later))
    # Three seconds busy on two cores in two seconds; 1.9 of them were ours.
    load = load_between(before, after, own_s=1.9, elapsed_s=2.0)
    assert load.others_cores == pytest.approx(0.55)
    assert load.steal_percent == pytest.approx(100 * 0.2 / 4.0)
    assert load_between(None, after, 0.0, 1.0).others_cores is None


def test_energy_is_that_of_the_packages_or_of_the_module(tmp_path: Path) -> None:
    laptop = grow(tmp_path / "laptop", LAPTOP)
    assert read_energy(laptop, 7) == EnergySample(7, counter_uj=1_000_000)
    assert wrap_uj(laptop) == 262_143_328_850
    assert read_energy(grow(tmp_path / "jetson", JETSON), 7) == EnergySample(7, power_mw=6000)


def test_energy_between_two_moments_is_interpolated_and_survives_a_wrap() -> None:
    samples = [
        EnergySample(0, 9_000_000),
        EnergySample(1_000_000_000, 9_500_000),
        EnergySample(2_000_000_000, 500_000),
    ]
    assert energy_mj(samples, 500_000_000, 1_500_000_000, wrap=10_000_000) == pytest.approx(750)
    assert energy_mj(samples, 500_000_000, 1_500_000_000, wrap=None) is None
    assert energy_mj(samples, 0, 3_000_000_000, wrap=10_000_000) is None
    constant = [EnergySample(second * 10**9, power_mw=6000) for second in range(3)]
    assert energy_mj(constant, 10**9 // 2, 3 * 10**9 // 2, None) == pytest.approx(6000)


def test_cores_are_written_as_ranges() -> None:
    assert format_cores({0, 1, 2, 5, 7, 8}) == "0-2,5,7-8"


def test_a_clock_that_sags_while_it_measures_is_told_by_the_tree(tmp_path: Path) -> None:
    system = grow(tmp_path, PI)
    assert sensors.clock_mhz(system) == sensors.nominal_clock_mhz(system)
    grow(tmp_path, {f"{POLICY}/scaling_cur_freq": "600000\n"})
    assert sensors.clock_mhz(system) == 600
