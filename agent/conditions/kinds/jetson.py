"""NVIDIA Jetson: nvpmodel, GPU clock and load, power of each rail.

The files are what ``tegrastats`` itself reads; it prints for ever and its format changes with
each release. Paths are those of the Jetson Linux developer guide (power and performance) of
releases 32 to 36.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from agent.conditions.energy import rails_mw
from agent.conditions.kinds.base import WHY_UNREADABLE, Linux, Reader
from agent.conditions.system import System

STATUS = "var/lib/nvpmodel/status"
GPU_CLOCKS = ("gpu", "ga10b", "gv11b", "gp10b", "gm20b")
GPU_LOADS = (
    "sys/devices/platform/gpu.0/load",
    "sys/devices/gpu.0/load",
    "sys/devices/platform/bus@0/*.gpu/load",
)


class Jetson(Linux):
    """Jetson Nano, Xavier and Orin."""

    @property
    def name(self) -> str:
        """As it goes over the wire."""
        return "jetson"

    def recognises(self, system: System) -> bool:
        """By the device-tree's model, or by the release file of Jetson Linux."""
        return "Jetson" in self.model(system) or system.text("etc/nv_tegra_release") is not None

    def power_mode(self, system: System) -> str:
        """``15W (1)`` of ``nvpmodel -q``, or what its status file says."""
        answer = (system.run(["nvpmodel", "-q"]) or "").splitlines()
        for index, line in enumerate(answer):
            name, _, mode = line.partition(":")
            if name.strip() == "NV Power Mode":
                number = "".join(answer[index + 1 : index + 2]).strip()
                return f"{mode.strip()} ({number})" if number else mode.strip()
        return system.first_line(STATUS)

    def readers(self, system: System) -> Mapping[str, Reader]:
        """The GPU, and power by rail."""
        rails = {f"power_{_plain(name)}_mw": partial(_rail, name) for name in rails_mw(system)}
        return {
            "gpu_clock_mhz": gpu_clock_mhz,
            "gpu_load_percent": gpu_load_percent,
            "gpu_temperature_c": gpu_temperature_c,
            **(rails or {"power_vdd_in_mw": partial(_rail, "VDD_IN")}),
        }

    def why_unreadable(self, system: System) -> Mapping[str, str]:
        """Power monitors differ by module."""
        return {
            **WHY_UNREADABLE,
            "gpu_clock_mhz": "no GPU among /sys/class/devfreq",
            "gpu_load_percent": "no load file of the GPU in /sys/devices",
            "gpu_temperature_c": "no thermal zone of the GPU, or the GPU sleeps",
            "power_vdd_in_mw": "no INA3221 power monitor on this module or carrier board",
        }


def gpu_clock_mhz(system: System) -> float | None:
    """The GPU's clock now."""
    for name in GPU_CLOCKS:
        values = system.numbers(f"sys/class/devfreq/*{name}/cur_freq")
        if values:
            return values[0] / 1e6
    return None


def gpu_load_percent(system: System) -> float | None:
    """How busy the GPU is; the file counts in tenths of a percent."""
    values = [value for pattern in GPU_LOADS for value in system.numbers(pattern)]
    return values[0] / 10 if values else None


def gpu_temperature_c(system: System) -> float | None:
    """The zone ``gpu-thermal`` (``GPU-therm`` before release 35)."""
    for zone in system.glob("sys/class/thermal/thermal_zone*"):
        if system.first_line(f"{zone}/type").lower().startswith("gpu"):
            value = system.number(f"{zone}/temp")
            return None if value is None else value / 1000
    return None


def _rail(name: str, system: System) -> float | None:
    return rails_mw(system).get(name)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
