"""Facts of this machine that do not change by themselves."""

from __future__ import annotations

import os
import platform

import psutil

from agent.conditions import sensors
from agent.conditions.system import System
from help_core.records import Board

GOVERNORS = "sys/devices/system/cpu/cpufreq/policy*/scaling_governor"
UNREADABLE = "unreadable"


def describe_host(system: System) -> Board:
    """This machine: what ``help-agent probe`` shows and the coordinator keeps."""
    memory_mb = sensors.memory_total_mb(system)
    return Board(
        kind=board_kind(system),
        model=_model(system),
        processor=processor(system),
        operating_system=f"{platform.system()} {platform.release()}",
        cores=os.cpu_count() or 0,
        memory_bytes=round(memory_mb * 2**20) if memory_mb else psutil.virtual_memory().total,
    )


def board_kind(system: System) -> str:
    """``raspberry-pi``, ``jetson``, or the operating system with the machine's architecture."""
    model = _model(system)
    if "Raspberry Pi" in model:
        return "raspberry-pi"
    if "Jetson" in model or system.text("etc/nv_tegra_release") is not None:
        return "jetson"
    if platform.system() == "Linux":
        return f"linux-{platform.machine()}"
    return platform.system()


def processor(system: System) -> str:
    """The processor's name, or an empty string."""
    for line in (system.text("proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "Hardware"):
            return value.strip()
    return platform.processor()


def governor(system: System) -> str:
    """The frequency governors of all cores, or ``unreadable``."""
    found = sorted({system.first_line(path) for path in system.glob(GOVERNORS)} - {""})
    return "+".join(found) or UNREADABLE


def power_mode(system: System) -> str:
    """Jetson's nvpmodel or the platform profile, or ``unreadable``."""
    for path in ("var/lib/nvpmodel/status", "sys/firmware/acpi/platform_profile"):
        line = system.first_line(path)
        if line:
            return line
    return UNREADABLE


def affinity() -> str:
    """The cores that this process and its children may use: ``0-3``, ``0,2``."""
    if not hasattr(os, "sched_getaffinity"):
        return UNREADABLE
    return format_cores(os.sched_getaffinity(0))


def format_cores(cores: set[int]) -> str:
    """Cores as ranges."""
    ranges: list[list[int]] = []
    for core in sorted(cores):
        if ranges and ranges[-1][1] == core - 1:
            ranges[-1][1] = core
        else:
            ranges.append([core, core])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def _model(system: System) -> str:
    return (
        system.first_line("proc/device-tree/model")
        or system.first_line("sys/firmware/devicetree/base/model")
        or system.first_line("sys/devices/virtual/dmi/id/product_name")
    )
