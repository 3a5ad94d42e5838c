"""Raspberry Pi: files of the device-tree and the firmware, and ``vcgencmd``."""

from __future__ import annotations

from collections.abc import Mapping

from agent.conditions.kinds.base import WHY_UNREADABLE, Linux, Reader
from agent.conditions.system import System, to_number

VCGENCMD = "vcgencmd does not answer; install raspi-utils and add the user to the group video"


class RaspberryPi(Linux):
    """Every Raspberry Pi that runs 64-bit Linux."""

    @property
    def name(self) -> str:
        """As it goes over the wire."""
        return "raspberry-pi"

    def recognises(self, system: System) -> bool:
        """By the device-tree's model."""
        return "Raspberry Pi" in self.model(system)

    def readers(self, system: System) -> Mapping[str, Reader]:
        """The clock that the firmware grants; cpufreq shows the one that was asked for."""
        return {"firmware_clock_mhz": firmware_clock_mhz}

    def why_unreadable(self, system: System) -> Mapping[str, str]:
        """What Raspberry Pi OS leaves out unless told otherwise."""
        return {
            **WHY_UNREADABLE,
            "cpu_pressure_10s_percent": (
                "Raspberry Pi OS keeps none; add psi=1 to /boot/firmware/cmdline.txt and reboot"
            ),
            "firmware_clock_mhz": VCGENCMD,
            "throttling": VCGENCMD,
        }


def firmware_clock_mhz(system: System) -> float | None:
    """``frequency(48)=1500398464``, in Hz (Raspberry Pi documentation, vcgencmd)."""
    answer = system.run(["vcgencmd", "measure_clock", "arm"]) or ""
    clock_hz = to_number(answer.strip().partition("=")[2])
    return clock_hz / 1e6 if clock_hz else None
