"""Signs that the board protects itself by going slower (rule 9), and by which name.

Flags are true or false now; counters only rise, so that what happens between two readings is
seen as well.

- Raspberry Pi: ``get_throttled``, bits 0-3 now and 16-19 since boot (Raspberry Pi documentation,
  ``vcgencmd get_throttled``).
- Intel: ``thermal_throttle/*_throttle_count`` (kernel: admin-guide thermal documentation).
- Jetson: over-current events ``oc*_event_cnt`` of the ``soctherm`` hwmon device.
- Any Linux: cooling devices, their state and how often it changed (kernel: sysfs-api.rst).
- Control groups: periods in which the processor quota was used up (``cpu.stat``).
- Raspberry Pi without that: the under-voltage alarm of the ``rpi_volt`` hwmon device.
- NVIDIA: clock event reasons of NVML or ``nvidia-smi``, except those of an idle GPU; only where
  the GPU does the work.
- macOS: the speed limit of ``pmset -g therm``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.conditions.kinds import macos
from agent.conditions.nvidia import slowing
from agent.conditions.system import System

PI_FLAGS = {0: "under-voltage", 1: "clock-capped", 2: "throttled", 3: "soft-temperature-limit"}
PI_STICKY_SHIFT = 16
PI_FILES = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/devices/platform/soc/soc.firmware/get_throttled",
)
NVIDIA_QUERY = (
    "nvidia-smi",
    "--query-gpu=clocks_event_reasons.active",
    "--format=csv,noheader",
)
COOLING_KINDS = ("processor", "cpufreq", "cpu", "gpu", "devfreq", "thermal-cpufreq")
"""Cooling devices that slow something down; a fan's does not."""


@dataclass(frozen=True, slots=True)
class ThrottleState:
    """Flags that are up, those that were up since boot, and counters by name."""

    active: frozenset[str] = frozenset()
    since_boot: frozenset[str] = frozenset()
    counters: Mapping[str, float] = field(default_factory=dict)
    readable: bool = False
    """Whether this board tells anything of this kind."""


def read_throttle(system: System, *, commands: bool = True, gpu: bool = True) -> ThrottleState:
    """All signs; without ``commands`` only those in files, which are cheap to read often.

    Without ``gpu`` those of a GPU are left out: it does not slow down what the processor runs.
    """
    active: set[str] = set()
    since_boot: set[str] = set()
    counters = _intel_counts(system) | _jetson_counts(system) | _cooling_counts(system)
    counters |= _quota_counts(system)
    bits = _pi_bits(system, commands)
    if bits is not None:
        for bit, name in PI_FLAGS.items():
            if bits >> bit & 1:
                active.add(name)
            if bits >> (bit + PI_STICKY_SHIFT) & 1:
                since_boot.add(name)
    active |= _cooling_active(system)
    alarm = _pi_alarm(system)
    if alarm:
        active.add(PI_FLAGS[0])
    others = [_gpu_signs(system, commands) if gpu else None, _mac_signs(system, commands)]
    told = [signs for signs in others if signs is not None]
    active.update(*told)
    readable = bits is not None or bool(told)
    readable = readable or any(not name.startswith("quota") for name in counters)
    return ThrottleState(frozenset(active), frozenset(since_boot), counters, readable)


def transitions(before: ThrottleState, after: ThrottleState) -> tuple[str, ...]:
    """What went up between two readings: flags now or since boot, and counters that rose."""
    flags = (after.active - before.active) | (after.since_boot - before.since_boot)
    rose = {
        name for name, value in after.counters.items() if value > before.counters.get(name, value)
    }
    return tuple(sorted(flags | rose))


def _pi_bits(system: System, commands: bool) -> int | None:
    for path in PI_FILES:
        text = system.text(path)
        if text:
            return _hexadecimal(text)
    if not commands or "Raspberry Pi" not in system.first_line("proc/device-tree/model"):
        return None
    answer = system.run(["vcgencmd", "get_throttled"])
    return _hexadecimal(answer.partition("=")[2]) if answer else None


def _pi_alarm(system: System) -> bool:
    """Under-voltage as the kernel tells it without the firmware's command (raspberrypi-hwmon)."""
    return any(
        system.number(f"{path}/in0_lcrit_alarm") == 1
        for path in system.glob("sys/class/hwmon/hwmon*")
        if system.first_line(f"{path}/name") == "rpi_volt"
    )


def _mac_signs(system: System, commands: bool) -> frozenset[str] | None:
    return macos.throttling(system) if commands and system.platform_name == "Darwin" else None


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text.strip(), 16)
    except ValueError:
        return None


def _intel_counts(system: System) -> dict[str, float]:
    counts = {}
    for kind in ("core", "package"):
        pattern = f"sys/devices/system/cpu/cpu*/thermal_throttle/{kind}_throttle_count"
        values = system.numbers(pattern)
        if values:
            counts[f"{kind}-throttle"] = sum(values)
    return counts


def _jetson_counts(system: System) -> dict[str, float]:
    counts: dict[str, float] = {}
    for path in system.glob("sys/class/hwmon/hwmon*/oc*_event_cnt"):
        value = system.number(path)
        if value is not None:
            name = path.rsplit("/", 1)[1].removesuffix("_event_cnt")
            counts[f"over-current-{name}"] = counts.get(f"over-current-{name}", 0.0) + value
    return counts


def _cooling_devices(system: System) -> list[tuple[str, str]]:
    found = []
    for path in system.glob("sys/class/thermal/cooling_device*"):
        kind = system.first_line(f"{path}/type").lower()
        if kind.startswith(COOLING_KINDS):
            found.append((path, kind))
    return found


def _cooling_counts(system: System) -> dict[str, float]:
    counts: dict[str, float] = {}
    for path, kind in _cooling_devices(system):
        value = system.number(f"{path}/stats/total_trans")
        if value is not None:
            counts[f"cooling-{kind}"] = counts.get(f"cooling-{kind}", 0.0) + value
    return counts


def _cooling_active(system: System) -> set[str]:
    return {
        f"cooling-{kind}"
        for path, kind in _cooling_devices(system)
        if (system.number(f"{path}/cur_state") or 0) > 0
    }


def _quota_counts(system: System) -> dict[str, float]:
    periods = system.table("sys/fs/cgroup/cpu.stat").get("nr_throttled")
    return {} if periods is None else {"quota-periods": periods}


def _gpu_signs(system: System, commands: bool) -> frozenset[str] | None:
    if system.gpu is not None:
        return system.gpu.throttling()
    if not commands or not system.glob("proc/driver/nvidia/version"):
        return None
    answer = system.run(NVIDIA_QUERY)
    if not answer or not answer.strip():
        return None
    bits = _hexadecimal(answer.splitlines()[0])
    return None if bits is None else slowing(bits)
