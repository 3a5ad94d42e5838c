"""Energy where a counter exists: RAPL on x86, INA power monitors on Jetson, NVML on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.conditions.system import System

RAPL = "sys/class/powercap/intel-rapl:*"
JETSON_RAILS = ("VDD_IN", "POM_5V_IN", "VIN_SYS_5V0")
"""Rails that feed the whole module, in the order of preference."""


@dataclass(frozen=True, slots=True)
class EnergySample:
    """What the counters said at a moment."""

    at_ns: int
    counter_uj: float | None = None
    """RAPL: energy of all packages since some moment; wraps. NVML: energy of the GPU."""
    power_mw: float | None = None
    """INA: power now."""


def read_energy(system: System, at_ns: int, *, gpu: bool = False) -> EnergySample:
    """Where the GPU does the work, its own or its module's; else both kinds of the processor's.

    Usually neither is there, and RAPL is readable by root alone.
    """
    if gpu:
        counter_uj = system.gpu.energy_uj() if system.gpu else None
        return EnergySample(at_ns, counter_uj, _module_mw(system))
    packages = [
        value
        for path in system.glob(f"{RAPL}/energy_uj")
        # "intel-rapl:0" is a package, "intel-rapl:0:1" a part of it.
        if path.count(":") == 1 and (value := system.number(path)) is not None
    ]
    return EnergySample(at_ns, sum(packages) if packages else None, _module_mw(system))


def wrap_uj(system: System) -> float | None:
    """Where the sum of the packages' counters begins again, for one package."""
    paths = [p for p in system.glob(f"{RAPL}/max_energy_range_uj") if p.count(":") == 1]
    return system.number(paths[0]) if paths else None


def energy_mj(
    samples: Sequence[EnergySample], begin_ns: int, end_ns: int, wrap: float | None
) -> float | None:
    """Energy between two moments in mJ, interpolated; ``None`` if the readings do not span them."""
    if not samples or samples[0].at_ns > begin_ns or samples[-1].at_ns < end_ns:
        return None
    total_mj = 0.0
    for left, right in pairwise(samples):
        span_ns = right.at_ns - left.at_ns
        overlap_ns = min(right.at_ns, end_ns) - max(left.at_ns, begin_ns)
        if overlap_ns <= 0 or span_ns <= 0:
            continue
        between_mj = _between_mj(left, right, wrap)
        if between_mj is None:
            return None
        total_mj += between_mj * overlap_ns / span_ns
    return total_mj


def _between_mj(left: EnergySample, right: EnergySample, wrap: float | None) -> float | None:
    if left.counter_uj is not None and right.counter_uj is not None:
        used_uj = right.counter_uj - left.counter_uj
        if used_uj < 0:
            if wrap is None:
                return None
            used_uj += wrap
        return used_uj / 1e3
    if left.power_mw is not None and right.power_mw is not None:
        return (left.power_mw + right.power_mw) / 2 * (right.at_ns - left.at_ns) / 1e9
    return None


def rails_mw(system: System) -> dict[str, float]:
    """Power now by the name of the rail.

    The mainline driver tells volts and amperes (kernel: hwmon/ina3221.rst), that of Jetson Linux
    32 the power itself.
    """
    rails: dict[str, float] = {}
    for label in system.glob("sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*"):
        folder, name = label.rsplit("/", 1)
        power_mw = system.number(f"{folder}/in_power{name.removeprefix('rail_name_')}_input")
        if power_mw is not None:
            rails[system.first_line(label)] = power_mw
    for label in system.glob("sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*/in*_label"):
        folder, name = label.rsplit("/", 1)
        channel = name.removeprefix("in").removesuffix("_label")
        millivolts = system.number(f"{folder}/in{channel}_input")
        milliamperes = system.number(f"{folder}/curr{channel}_input")
        if millivolts is not None and milliamperes is not None:
            rails[system.first_line(label)] = millivolts * milliamperes / 1e3
    return rails


def _module_mw(system: System) -> float | None:
    rails = rails_mw(system)
    return next((rails[name] for name in JETSON_RAILS if name in rails), None)
