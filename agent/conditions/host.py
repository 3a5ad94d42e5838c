"""Facts of this machine that do not change by themselves."""

from __future__ import annotations

import os
import platform

import psutil

from agent.conditions import sensors
from agent.conditions.kinds import BoardKind, find_kind
from agent.conditions.system import System
from help_core.records import Board

GOVERNORS = "sys/devices/system/cpu/cpufreq/policy*/scaling_governor"
UNREADABLE = "unreadable"


def describe_host(system: System, kind: BoardKind | None = None) -> Board:
    """This machine: what ``help-agent probe`` shows and the coordinator keeps."""
    kind = kind or find_kind(system)
    memory_mb = sensors.memory_total_mb(system)
    gpu = system.gpu.name() if system.gpu else ""
    return Board(
        kind=kind.name,
        model=kind.model(system),
        processor=", ".join(filter(None, (kind.processor(system), gpu))),
        operating_system=f"{system.platform_name} {platform.release()}",
        cores=os.cpu_count() or 0,
        memory_bytes=round(memory_mb * 2**20) if memory_mb else psutil.virtual_memory().total,
    )


def governor(system: System) -> str:
    """The frequency governors of all cores, or ``unreadable``."""
    found = sorted({system.first_line(path) for path in system.glob(GOVERNORS)} - {""})
    return "+".join(found) or UNREADABLE


def power_mode(system: System, kind: BoardKind | None = None) -> str:
    """Jetson's nvpmodel, the platform profile or low power mode, or ``unreadable``."""
    return (kind or find_kind(system)).power_mode(system) or UNREADABLE


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
