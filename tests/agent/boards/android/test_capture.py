"""A phone's answers become the files that conditions are read from everywhere else."""

from __future__ import annotations

import pytest

from agent.boards.android.bench import throttle_of
from agent.boards.android.capture import CapturedSystem, capture
from agent.boards.android.facts import big_cores, describe, parse_cores, read_properties
from agent.boards.android.fake import FolderPhone
from agent.conditions import sensors
from help_core.errors import BadInput
from tests.agent.boards.android.phones import BATTERY, THERMAL

CPU = "sys/devices/system/cpu"


def eight_cores(**files: str) -> CapturedSystem:
    stat = "cpu  1 2 3 4 5 6 7 8\n" + "".join(f"cpu{core} 1 2 3 4 5 6 7 8\n" for core in range(8))
    return CapturedSystem({"proc/stat": stat, **files}, {})


def test_battery_and_temperature_are_read_where_linux_files_are_closed(phone: FolderPhone) -> None:
    system = capture(phone).without(["sys/class/thermal/thermal_zone[0-9]*/*"])
    assert sensors.battery_percent(system) == 83
    assert sensors.on_battery(system) is False
    assert sensors.temperature_c(system) == 43.25


def test_a_phone_that_runs_from_its_battery_says_so(phone: FolderPhone) -> None:
    phone.answer("dumpsys", ["battery"], BATTERY.format(status=3))
    assert sensors.on_battery(capture(phone)) is True


@pytest.mark.parametrize(("status", "sign"), [(1, "light"), (3, "severe"), (6, "shutdown")])
def test_androids_thermal_status_is_a_sign_of_throttling(
    phone: FolderPhone, status: int, sign: str
) -> None:
    phone.answer("dumpsys", ["thermalservice"], THERMAL.format(status=status))
    state = throttle_of(capture(phone))
    assert f"android-thermal-{sign}" in state.active
    assert state.readable


def test_a_cool_phone_shows_no_sign_of_android(phone: FolderPhone) -> None:
    state = throttle_of(capture(phone))
    assert not [sign for sign in state.active if sign.startswith("android")]


def test_what_a_phone_does_not_tell_is_unreadable(phone: FolderPhone) -> None:
    for service in ("battery", "thermalservice"):
        phone.answer("dumpsys", [service], "Can't find service\n")
    system = capture(phone)
    assert system.thermal_status is None
    assert system.settings["stay_on"] == ""
    assert sensors.battery_percent(system.without(["sys/class/power_supply/*/*"])) is None


def test_load_and_memory_come_from_the_phones_proc(phone: FolderPhone) -> None:
    system = capture(phone)
    assert (sensors.memory_total_mb(system) or 0) > 100
    assert sensors.load_1min(system) is not None


def test_facts_name_the_phone(phone: FolderPhone) -> None:
    board = describe(read_properties(phone), capture(phone))
    assert (board.kind, board.model) == ("android", "Google Pixel 9")
    assert board.operating_system.startswith("Android 15, Linux ")
    assert board.cores > 0


def test_a_model_name_with_a_makers_name_is_not_doubled(phone: FolderPhone) -> None:
    phone.answer("getprop", ["ro.product.model"], "Google Phone\n")
    assert describe(read_properties(phone), capture(phone)).model == "Google Phone"


def test_the_strongest_cluster_measures() -> None:
    capacities = [160] * 4 + [480] * 3 + [1024]
    system = eight_cores(
        **{f"{CPU}/cpu{core}/cpu_capacity": str(value) for core, value in enumerate(capacities)}
    )
    assert big_cores(system, 1) == [7]
    assert big_cores(system, 2) == [4, 5, 6, 7]
    assert big_cores(system, 5) == list(range(8))


def test_clocks_tell_the_strongest_cores_where_capacities_are_closed() -> None:
    system = eight_cores(
        **{f"{CPU}/cpu{core}/cpufreq/cpuinfo_max_freq": str(10 + (core > 5)) for core in range(8)}
    )
    assert big_cores(system, 1) == [6, 7]


def test_all_cores_measure_where_nothing_tells_them_apart() -> None:
    assert big_cores(eight_cores(), 1) == list(range(8))


@pytest.mark.parametrize(("text", "cores"), [("4-7", [4, 5, 6, 7]), ("0,2", [0, 2]), ("3", [3])])
def test_cores_are_named_as_ranges(text: str, cores: list[int]) -> None:
    assert parse_cores(text) == cores


@pytest.mark.parametrize("text", ["x", "4-", "7-4", "1;id", "9999", ","])
def test_what_is_no_list_of_cores_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="cores"):
        parse_cores(text)
