"""What phone it is, and which of its cores measure."""

from __future__ import annotations

import re

from agent.boards.android.capture import CapturedSystem
from agent.boards.android.link import PhoneLink
from agent.conditions import sensors
from agent.conditions.cores import describe_cores, read_cores
from help_core.errors import BadInput
from help_core.records import Board

PROPERTIES = (
    "ro.product.manufacturer",
    "ro.product.model",
    "ro.soc.model",
    "ro.board.platform",
    "ro.build.version.release",
    "ro.build.fingerprint",
    "ro.product.cpu.abi",
)


def read_properties(link: PhoneLink) -> dict[str, str]:
    """System properties by name; empty where unset. Raises ``LinkLost``."""
    script = "; ".join(f"echo; echo {name}=; getprop {name}" for name in PROPERTIES)
    found = dict.fromkeys(PROPERTIES, "")
    name = ""
    for line in link.shell(script).text.splitlines():
        if line.endswith("=") and line[:-1] in found:
            name = line[:-1]
        elif name and line.strip():
            found[name] = line.strip()[:128]
    return found


def describe(properties: dict[str, str], system: CapturedSystem) -> Board:
    """The phone as a board."""
    maker, model = properties["ro.product.manufacturer"], properties["ro.product.model"]
    release = properties["ro.build.version.release"]
    return Board(
        kind="android",
        model=model if model.startswith(maker) else f"{maker} {model}".strip(),
        processor=properties["ro.soc.model"]
        or properties["ro.board.platform"]
        or describe_cores(read_cores(system)),
        operating_system=f"Android {release or 'unknown'}, Linux {system.settings['kernel']}",
        cores=len(all_cores(system)),
        memory_bytes=round((sensors.memory_total_mb(system) or 0) * 2**20),
    )


def all_cores(system: CapturedSystem) -> list[int]:
    """The phone's cores that are on, by ``/proc/stat``."""
    lines = (system.text("proc/stat") or "").splitlines()
    return sorted(int(found[1]) for line in lines if (found := re.match(r"cpu(\d+) ", line)))


def big_cores(system: CapturedSystem, threads: int) -> list[int]:
    """The strongest cores, as many clusters of them as the threads need.

    Strength is the kernel's ``cpu_capacity``, or the highest clock where that is not told; all
    cores if neither is.
    """
    strength = {core: _strength(system, core) for core in all_cores(system)}
    chosen: list[int] = []
    for level in sorted(set(strength.values()), reverse=True):
        chosen += [core for core, value in strength.items() if value == level]
        if len(chosen) >= threads:
            break
    return sorted(chosen)


def parse_cores(text: str) -> list[int]:
    """``4-7`` or ``0,2``; raises ``BadInput``."""
    cores: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", part.strip())
        if found is None or int(found[2] or found[1]) < int(found[1]):
            raise BadInput(f"--cores {text[:40]!r} is no list of cores; use 4-7 or 0,2")
        cores.update(range(int(found[1]), int(found[2] or found[1]) + 1))
    return sorted(cores)


def _strength(system: CapturedSystem, core: int) -> float:
    folder = f"sys/devices/system/cpu/cpu{core}"
    capacity = system.number(f"{folder}/cpu_capacity")
    return capacity or system.number(f"{folder}/cpufreq/cpuinfo_max_freq") or 0.0
