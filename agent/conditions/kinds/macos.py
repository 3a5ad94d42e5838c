"""macOS, as far as it tells without root: ``sysctl`` and ``pmset``."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psutil

from agent.conditions.kinds.base import Reader
from agent.conditions.system import System, to_number

ROOT_ALONE = "macOS shows it to root alone (powermetrics)"


class MacOs:
    """A Mac; implements ``BoardKind``."""

    @property
    def name(self) -> str:
        """As it goes over the wire."""
        return "macos"

    def recognises(self, system: System) -> bool:
        """By the operating system."""
        return system.platform_name == "Darwin"

    def model(self, system: System) -> str:
        """``hw.model``, as ``MacBookPro18,3``."""
        return _sysctl(system, "hw.model")

    def processor(self, system: System) -> str:
        """The chip, with its fast and slow cores on Apple silicon."""
        chip = _sysctl(system, "machdep.cpu.brand_string")
        levels = [
            (_sysctl(system, f"hw.perflevel{level}.physicalcpu"), kind)
            for level, kind in ((0, "performance"), (1, "efficiency"))
        ]
        cores = " + ".join(f"{count}x {kind}" for count, kind in levels if count)
        return ", ".join(filter(None, (chip, cores)))

    def power_mode(self, system: System) -> str:
        """Low power mode, by ``pmset -g``."""
        for line in (system.run(["pmset", "-g"]) or "").splitlines():
            name, *values = line.split() or [""]
            if name == "lowpowermode" and values:
                return "low power" if values[0] == "1" else "normal"
        return ""

    def readers(self, system: System) -> Mapping[str, Reader]:
        """What Linux tells in files."""
        return {
            "load_1min": lambda _: os.getloadavg()[0],
            "memory_available_mb": lambda _: psutil.virtual_memory().available / 2**20,
            "battery_percent": battery_percent,
            "cpu_speed_limit_percent": speed_limit_percent,
        }

    def why_unreadable(self, system: System) -> Mapping[str, str]:
        """Most of what Linux tells in files."""
        return {
            "cpu_temperature_c": ROOT_ALONE,
            "cpu_clock_mhz": ROOT_ALONE,
            "cpu_pressure_10s_percent": "macOS does not tell it",
            "running_tasks": "macOS does not tell it",
            "cpu_speed_limit_percent": "pmset tells it on Intel Macs that were limited since boot",
            "throttling": "pmset -g therm does not answer",
        }


def battery_percent(system: System) -> float | None:
    """``-InternalBattery-0 (id=…)  83%; discharging; …`` of ``pmset -g batt``."""
    for word in (system.run(["pmset", "-g", "batt"]) or "").split():
        if word.endswith("%;"):
            return to_number(word.removesuffix("%;"))
    return None


def on_battery(system: System) -> bool | None:
    """Whether a Mac draws from its battery; ``None`` if it does not tell."""
    answer = system.run(["pmset", "-g", "batt"])
    return "'Battery Power'" in answer.partition("\n")[0] if answer else None


def speed_limit_percent(system: System) -> float | None:
    """``CPU_Speed_Limit = 100`` of ``pmset -g therm``; absent until the first limit after boot."""
    for line in (system.run(["pmset", "-g", "therm"]) or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "CPU_Speed_Limit":
            return to_number(value.strip())
    return None


def throttling(system: System) -> frozenset[str] | None:
    """Whether the processor is limited; ``None`` if ``pmset`` does not answer."""
    if not system.run(["pmset", "-g", "therm"]):
        return None
    limit = speed_limit_percent(system)
    return frozenset({"cpu-speed-limit"} if limit is not None and limit < 100 else ())


def _sysctl(system: System, name: str) -> str:
    return (system.run(["sysctl", "-n", name]) or "").strip()
