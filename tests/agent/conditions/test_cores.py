"""Arm cores are named by their numbers and ranked by their capacity."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.conditions.cores import big_cores, describe_cores, read_cores
from tests.agent.trees import arm_cpuinfo, grow

ROCK_5 = {
    "proc/cpuinfo": arm_cpuinfo(*[(0x41, 0xD05)] * 4, *[(0x41, 0xD0B)] * 4),
    **{f"sys/devices/system/cpu/cpu{index}/cpu_capacity": "530\n" for index in range(4)},
    **{f"sys/devices/system/cpu/cpu{index}/cpu_capacity": "1024\n" for index in range(4, 8)},
}


def test_big_and_little_cores_are_named_and_told_apart(tmp_path: Path) -> None:
    cores = read_cores(grow(tmp_path, ROCK_5))
    assert describe_cores(cores) == "4x Cortex-A76 + 4x Cortex-A55"
    assert big_cores(cores) == {4, 5, 6, 7}


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ((0x41, 0xD03), "Cortex-A53"),
        ((0x41, 0xD08), "Cortex-A72"),
        ((0x41, 0xD42), "Cortex-A78AE"),
        ((0x4E, 0x004), "Carmel"),
        ((0x99, 0x123), "core 0x99/0x123"),
    ],
)
def test_a_core_has_its_makers_name_or_its_numbers(
    tmp_path: Path, part: tuple[int, int], name: str
) -> None:
    (core,) = read_cores(grow(tmp_path, {"proc/cpuinfo": arm_cpuinfo(part)}))
    assert core.name == name


def test_equal_cores_have_no_big_ones(tmp_path: Path) -> None:
    files = {"proc/cpuinfo": arm_cpuinfo(*[(0x41, 0xD08)] * 4)}
    assert big_cores(read_cores(grow(tmp_path, files))) == set()


def test_x86_and_damaged_files_have_no_arm_cores(tmp_path: Path) -> None:
    for text in ("processor\t: 0\nmodel name\t: Xeon\n", "CPU part\t: 0xd08\n", "processor: x\n"):
        assert read_cores(grow(tmp_path, {"proc/cpuinfo": text})) == []
