"""Readings of this machine around a measurement, and facts that do not change."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from help_core.records import Board, Reading


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Readings at one moment by name; ``None`` where this machine has no such sensor."""

    values: Mapping[str, float | None]
    cpu_times: tuple[float, float]
    """Seconds of all cores: stolen by the hypervisor, and in total."""


def take_snapshot() -> Snapshot:
    """Reads everything that this machine lets us read."""
    times = psutil.cpu_times()
    return Snapshot(
        values={
            "cpu_temperature_c": _temperature_c(),
            "cpu_clock_mhz": _clock_mhz(),
            "load_1min": os.getloadavg()[0],
            "cpu_pressure_10s_percent": _pressure_percent(Path("/proc/pressure/cpu")),
            "memory_available_mb": psutil.virtual_memory().available / 2**20,
        },
        cpu_times=(getattr(times, "steal", 0.0), sum(times)),
    )


def compare(before: Snapshot, after: Snapshot) -> tuple[Reading, ...]:
    """The readings around a measurement; steal is a share of the time in between."""
    readings = [
        Reading(name, value, after.values.get(name)) for name, value in before.values.items()
    ]
    steal = after.cpu_times[0] - before.cpu_times[0]
    total = after.cpu_times[1] - before.cpu_times[1]
    share = 100 * steal / total if total > 0 else None
    return (*readings, Reading("cpu_steal_percent", None, share))


def describe_host() -> Board:
    """This machine: what ``help-agent probe`` shows and the coordinator keeps."""
    return Board(
        kind=f"linux-{platform.machine()}" if platform.system() == "Linux" else platform.system(),
        model=_first_line(Path("/sys/firmware/devicetree/base/model"))
        or _first_line(Path("/sys/devices/virtual/dmi/id/product_name")),
        processor=_processor(),
        operating_system=f"{platform.system()} {platform.release()}",
        cores=os.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
    )


def governor() -> str:
    """The frequency governor of the first core, or ``unreadable``."""
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return _first_line(path) or "unreadable"


def _temperature_c() -> float | None:
    if not hasattr(psutil, "sensors_temperatures"):
        return None
    sensors = psutil.sensors_temperatures()
    values = [entry.current for entries in sensors.values() for entry in entries]
    return max(values) if values else None


def _clock_mhz() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return float(frequency.current) if frequency is not None and frequency.current else None


def _pressure_percent(path: Path) -> float | None:
    # "some avg10=0.12 avg60=…": share of the last 10 s in which some task waited for a core.
    for field in _first_line(path).split():
        name, _, value = field.partition("=")
        if name == "avg10":
            return float(value)
    return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "Hardware"):
            return value.strip()
    return platform.processor()


def _first_line(path: Path) -> str:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return ""
    return text.splitlines()[0].strip("\0 ") if text else ""
