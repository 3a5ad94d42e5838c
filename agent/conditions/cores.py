"""Which cores a 64-bit Arm processor has, from ``/proc/cpuinfo`` and ``cpu_capacity``.

Linux tells no name on Arm, but who designed a core (``CPU implementer``) and its part number
(MIDR_EL1 of the architecture's manual; the numbers are those of arch/arm64/include/asm/cputype.h).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from agent.conditions.system import System, to_number

PARTS: dict[tuple[int, int], str] = {
    (0x41, 0xD03): "Cortex-A53",
    (0x41, 0xD04): "Cortex-A35",
    (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD07): "Cortex-A57",
    (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD09): "Cortex-A73",
    (0x41, 0xD0A): "Cortex-A75",
    (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1",
    (0x41, 0xD0D): "Cortex-A77",
    (0x41, 0xD40): "Neoverse-V1",
    (0x41, 0xD41): "Cortex-A78",
    (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD44): "Cortex-X1",
    (0x41, 0xD46): "Cortex-A510",
    (0x41, 0xD47): "Cortex-A710",
    (0x41, 0xD48): "Cortex-X2",
    (0x41, 0xD49): "Neoverse-N2",
    (0x41, 0xD4B): "Cortex-A78C",
    (0x41, 0xD4D): "Cortex-A715",
    (0x41, 0xD4E): "Cortex-X3",
    (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD80): "Cortex-A520",
    (0x41, 0xD81): "Cortex-A720",
    (0x41, 0xD82): "Cortex-X4",
    (0x4E, 0x003): "Denver 2",
    (0x4E, 0x004): "Carmel",
    (0xC0, 0xAC3): "Ampere-1",
}
CAPACITY = "sys/devices/system/cpu/cpu{index}/cpu_capacity"
"""Relative speed of a core, 1024 for the fastest (kernel: devicetree/bindings, cpu-capacity)."""


@dataclass(frozen=True, slots=True)
class Core:
    """One core by its number."""

    index: int
    name: str
    capacity: float | None
    """``None`` where the cores are equal, or the kernel does not tell."""


def read_cores(system: System) -> list[Core]:
    """All cores that are online, in the order of their numbers; empty where none are told."""
    cores = []
    index, implementer = None, None
    for line in (system.text("proc/cpuinfo") or "").splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if name == "processor":
            index, implementer = to_number(value), None
        elif name == "CPU implementer":
            implementer = to_number(value)
        elif name == "CPU part" and index is not None:
            part = to_number(value)
            path = CAPACITY.format(index=round(index))
            cores.append(Core(round(index), _name(implementer, part), system.number(path)))
    return cores


def describe_cores(cores: list[Core]) -> str:
    """``4x Cortex-A76 + 4x Cortex-A55``, the fastest first; empty without cores."""
    ranked = sorted(cores, key=lambda core: -(core.capacity or 0))
    counts = Counter(core.name for core in ranked)
    return " + ".join(f"{count}x {name}" for name, count in counts.items())


def big_cores(cores: list[Core]) -> set[int]:
    """The numbers of the fastest cores where they differ, otherwise none."""
    capacities = {core.capacity for core in cores if core.capacity is not None}
    if len(capacities) < 2:
        return set()
    return {core.index for core in cores if core.capacity == max(capacities)}


def _name(implementer: float | None, part: float | None) -> str:
    if implementer is None or part is None:
        return "unknown core"
    known = PARTS.get((round(implementer), round(part)))
    return known or f"core {round(implementer):#x}/{round(part):#x}"
