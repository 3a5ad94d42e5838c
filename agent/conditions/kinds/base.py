"""What a kind of board has to tell, and what any Linux tells."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import Protocol

from agent.conditions.cores import describe_cores, read_cores
from agent.conditions.system import System

Reader = Callable[[System], float | None]

MODEL_FILES = (
    "proc/device-tree/model",
    "sys/firmware/devicetree/base/model",
    "sys/devices/virtual/dmi/id/product_name",
)
COMPATIBLE = "proc/device-tree/compatible"
PLATFORM_PROFILE = "sys/firmware/acpi/platform_profile"

WHY_UNREADABLE: Mapping[str, str] = {
    "cpu_temperature_c": "no sensor of the processor in /sys; virtual machines have none",
    "cpu_clock_mhz": "no cpufreq in /sys; virtual machines have none",
    "cpu_pressure_10s_percent": "the kernel keeps no pressure figures; boot it with psi=1",
    "throttling": "nothing in /sys counts it on this machine",
}
"""For any Linux; a reading that is not named here is missing without a known reason."""


class BoardKind(Protocol):
    """One kind of board. Everything is read through ``System``; nothing is kept."""

    @property
    def name(self) -> str:
        """The kind of ``Board.kind``: ``raspberry-pi``, ``jetson`` …"""

    def recognises(self, system: System) -> bool:
        """Whether this machine is of this kind."""

    def model(self, system: System) -> str:
        """The product's name, or an empty string."""

    def processor(self, system: System) -> str:
        """The processor with its cores, or an empty string."""

    def power_mode(self, system: System) -> str:
        """The power mode that limits it, or an empty string."""

    def readers(self, system: System) -> Mapping[str, Reader]:
        """Readings, by name with unit, that others do not have or read otherwise."""

    def why_unreadable(self, system: System) -> Mapping[str, str]:
        """Why a reading may be missing here and what helps, by the reading's name."""


class Linux:
    """Any Linux, and the ground on which the others stand."""

    @property
    def name(self) -> str:
        """Of a machine of which nothing more is known."""
        return "linux"

    def recognises(self, system: System) -> bool:
        """By the operating system."""
        return system.platform_name == "Linux"

    def model(self, system: System) -> str:
        """From the device-tree or the firmware's tables."""
        return next(filter(None, map(system.first_line, MODEL_FILES)), "")

    def processor(self, system: System) -> str:
        """``model name`` on x86; on Arm system-on-chip and cores."""
        cores = describe_cores(read_cores(system))
        if cores:
            return ", ".join(filter(None, (soc(system), cores)))
        for line in (system.text("proc/cpuinfo") or "").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model", "Hardware"):
                return value.strip()
        return platform.processor()

    def power_mode(self, system: System) -> str:
        """The firmware's platform profile."""
        return system.first_line(PLATFORM_PROFILE)

    def readers(self, system: System) -> Mapping[str, Reader]:
        """None beyond the common ones."""
        return {}

    def why_unreadable(self, system: System) -> Mapping[str, str]:
        """See ``WHY_UNREADABLE``."""
        return WHY_UNREADABLE


def soc(system: System) -> str:
    """The system-on-chip by the device-tree's last ``vendor,chip``, as ``BCM2711``."""
    names = [name for name in (system.text(COMPATIBLE) or "").split("\0") if "," in name]
    return names[-1].partition(",")[2].upper() if names else ""
