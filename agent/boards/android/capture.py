"""What a phone tells at one moment, read in one command and kept as if it were its file system.

So everything in ``agent.conditions`` works on a phone as on this machine. What Android tells by
``dumpsys`` alone is filed where Linux would have it: charge and charging of the battery, and
the temperature of the processor where the shell user may not read the thermal zones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from agent.boards.android.link import PhoneLink
from agent.conditions import System

FILES = (
    "/proc/stat",
    "/proc/meminfo",
    "/proc/loadavg",
    "/proc/vmstat",
    "/proc/cpuinfo",
    "/proc/pressure/cpu",
    "/sys/class/thermal/thermal_zone*/type",
    "/sys/class/thermal/thermal_zone*/temp",
    "/sys/class/thermal/thermal_zone*/trip_point_*_type",
    "/sys/class/thermal/thermal_zone*/trip_point_*_temp",
    "/sys/class/thermal/cooling_device*/type",
    "/sys/class/thermal/cooling_device*/cur_state",
    "/sys/class/thermal/cooling_device*/stats/total_trans",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq",
    "/sys/devices/system/cpu/cpufreq/policy*/scaling_governor",
    "/sys/devices/system/cpu/cpu*/cpu_capacity",
    "/sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_max_freq",
    "/sys/class/power_supply/battery/capacity",
    "/sys/class/power_supply/battery/status",
)
CUT = "---help-fleet---"
COMMANDS = (
    # One process reads all files; -s: many are closed to the shell user, which is no error.
    "grep -Hs . " + " ".join(FILES),
    "dumpsys battery",
    "dumpsys thermalservice",
    "settings get global low_power",
    "settings get global stay_on_while_plugged_in",
    "dumpsys power | grep mWakefulness=",
    "uname -r",
)
SCRIPT = f"; echo {CUT}; ".join(COMMANDS)

BATTERY = "sys/class/power_supply/battery"
HAL_ZONE = "sys/class/thermal/thermal_zone_hal"
STATUS_NAMES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Of ``PowerManager.getCurrentThermalStatus``: from 1 on the phone slows itself down."""

_BATTERY_STATES = {"2": "Charging", "3": "Discharging", "4": "Not charging", "5": "Full"}
_CPU_TEMPERATURE = re.compile(r"Temperature\{mValue=([-\d.]+), mType=0, mName=([^,}]*)")


class CapturedSystem(System):
    """A ``System`` of files that were read beforehand."""

    def __init__(self, files: Mapping[str, str], settings: Mapping[str, str]) -> None:
        super().__init__(Path("/"), run=lambda _command: None)
        self.files = files
        self.settings = settings
        """``thermal_status``, ``low_power``, ``stay_on``, ``wakefulness``, ``kernel``."""
        self._paths = sorted({part for path in files for part in _with_parents(path)})

    def with_files(self, files: Mapping[str, str]) -> CapturedSystem:
        """The same with newer contents of some files."""
        return CapturedSystem({**self.files, **files}, self.settings)

    def without(self, patterns: Sequence[str]) -> CapturedSystem:
        """The same without files that change and are not read again."""
        old = {path for pattern in patterns for path in self.glob(pattern)}
        kept = {path: text for path, text in self.files.items() if path not in old}
        return CapturedSystem(kept, self.settings)

    def text(self, path: str) -> str | None:
        """The file's text, if it could be read."""
        return self.files.get(path)

    def glob(self, pattern: str) -> list[str]:
        """Files and folders that match, sorted."""
        wanted = pattern.split("/")
        return [path for path in self._paths if _matches(path.split("/"), wanted)]

    @property
    def thermal_status(self) -> int | None:
        """0 (none) to 6 (shutdown), or ``None`` where the phone does not tell."""
        found = self.settings.get("thermal_status", "")
        return int(found) if found.isdigit() else None


def capture(link: PhoneLink) -> CapturedSystem:
    """Reads the phone; raises ``LinkLost``."""
    parts = [part.strip("\n") for part in link.shell(SCRIPT).text.split(CUT)]
    parts += [""] * (len(COMMANDS) - len(parts))
    files, battery, thermal, low_power, stay_on, wakefulness, kernel = parts[: len(COMMANDS)]
    settings = {
        "thermal_status": _field(thermal, "Thermal Status"),
        "low_power": _number(low_power),
        "stay_on": _number(stay_on),
        "wakefulness": wakefulness.partition("mWakefulness=")[2].strip()[:32],
        "kernel": kernel.strip()[:128],
    }
    return CapturedSystem(_file_dump(files) | _battery(battery) | _hal_zone(thermal), settings)


def _file_dump(text: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        path, colon, content = line.partition(":")
        if colon and path.startswith("/"):
            found.setdefault(path[1:], []).append(content)
    return {path: "\n".join(lines) for path, lines in found.items()}


def _battery(text: str) -> dict[str, str]:
    level, state = _field(text, "level"), _BATTERY_STATES.get(_field(text, "status"))
    files = {f"{BATTERY}/capacity": level} if level else {}
    return files | ({f"{BATTERY}/status": state} if state else {})


def _hal_zone(text: str) -> dict[str, str]:
    """The hottest processor temperature that the hardware layer tells."""
    # It tells each twice, cached and current; the current ones come last.
    current = text.rpartition("Current temperatures from HAL")[2]
    values = [float(value) for value, _name in _CPU_TEMPERATURE.findall(current)]
    if not values:
        return {}
    return {f"{HAL_ZONE}/type": "cpu", f"{HAL_ZONE}/temp": str(round(1000 * max(values)))}


def _field(text: str, name: str) -> str:
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == name:
            return value.strip()
    return ""


def _number(text: str) -> str:
    """A setting that was never set is ``null``; a phone without the command says something else."""
    return text.strip() if text.strip().isdigit() else ""


def _with_parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _matches(path: list[str], wanted: list[str]) -> bool:
    return len(path) == len(wanted) and all(map(fnmatchcase, path, wanted))
