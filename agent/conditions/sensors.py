"""Temperature, clocks, memory, battery and power: one number each, or ``None``."""

from __future__ import annotations

from agent.conditions.kinds import macos
from agent.conditions.system import System, to_number

PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal")
PROCESSOR_ZONES = ("cpu", "soc", "x86_pkg_temp", "acpitz", "package", "big", "little", "gpu", "tj")
HOT_C = 70.0
"""Where a board's trip points are unreadable: below what Pi (80) and Jetson (95) throttle at."""


def temperature_c(system: System) -> float | None:
    """The hottest sensor of the processor."""
    values = [
        millidegrees
        for path in system.glob("sys/class/thermal/thermal_zone*")
        if _is_processor_zone(system.first_line(f"{path}/type"))
        and (millidegrees := system.number(f"{path}/temp")) is not None
    ]
    for path in system.glob("sys/class/hwmon/hwmon*"):
        if system.first_line(f"{path}/name") in PROCESSOR_SENSORS:
            values += system.numbers(f"{path}/temp*_input")
    return max(values) / 1000 if values else None


def throttling_temperature_c(system: System) -> float | None:
    """The lowest trip point at which this board's processor slows down."""
    values = []
    for path in system.glob("sys/class/thermal/thermal_zone*"):
        if not _is_processor_zone(system.first_line(f"{path}/type")):
            continue
        for kind in system.glob(f"{path}/trip_point_*_type"):
            value = system.number(f"{kind.removesuffix('_type')}_temp")
            if system.first_line(kind) == "passive" and value is not None and value > 0:
                values.append(value)
    return min(values) / 1000 if values else None


def _is_processor_zone(kind: str) -> bool:
    return kind.lower().startswith(PROCESSOR_ZONES)


def clock_mhz(system: System) -> float | None:
    """The clock of the fastest core at this moment: the one that works."""
    values = system.numbers("sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq")
    return max(values) / 1000 if values else None


def nominal_clock_mhz(system: System) -> float | None:
    """The highest clock that the governor may choose."""
    values = system.numbers("sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq")
    return max(values) / 1000 if values else None


def memory_available_mb(system: System) -> float | None:
    """What a new process can have without swapping."""
    return _memory_mb(system, "MemAvailable")


def memory_total_mb(system: System) -> float | None:
    """All memory."""
    return _memory_mb(system, "MemTotal")


def swapped_pages(system: System) -> float | None:
    """Pages swapped in and out since boot."""
    table = system.table("proc/vmstat")
    pages = [table[name] for name in ("pswpin", "pswpout") if name in table]
    return sum(pages) if pages else None


def battery_percent(system: System) -> float | None:
    """Charge of the first battery; ``None`` without one."""
    values = system.numbers("sys/class/power_supply/BAT*/capacity")
    values += system.numbers("sys/class/power_supply/battery/capacity")
    return values[0] if values else None


def on_battery(system: System) -> bool | None:
    """Whether the machine runs from its battery; ``None`` without one."""
    if system.platform_name == "Darwin":
        return macos.on_battery(system)
    for path in ("BAT*", "battery"):
        for status in system.glob(f"sys/class/power_supply/{path}/status"):
            return system.first_line(status) == "Discharging"
    return None


def load_1min(system: System) -> float | None:
    """The load average of the last minute."""
    fields = system.first_line("proc/loadavg").split()
    return to_number(fields[0]) if fields else None


def _memory_mb(system: System, name: str) -> float | None:
    kilobytes = system.table("proc/meminfo").get(name)
    return None if kilobytes is None else kilobytes / 1024
