"""Load by others (rule 21): time of all cores, pressure, run queue, kills for memory."""

from __future__ import annotations

from dataclasses import dataclass

from agent.conditions.system import System, to_number

TICKS_PER_S = 100
"""USER_HZ, the unit of ``/proc/stat`` on every Linux architecture that has wheels."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Seconds of all cores together since boot."""

    busy_s: float
    stolen_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class LoadBetween:
    """What others took of the processor between two moments."""

    others_cores: float | None
    """Cores that other processes kept busy, on average."""
    steal_percent: float | None


def read_cpu_times(system: System) -> CpuTimes | None:
    """The first line of ``/proc/stat`` (kernel: filesystems/proc.rst)."""
    fields = system.first_line("proc/stat").split()
    if len(fields) < 9 or fields[0] != "cpu":
        return None
    # user nice system idle iowait irq softirq steal; guest times are part of user and nice.
    ticks = [value for field in fields[1:9] if (value := to_number(field)) is not None]
    if len(ticks) < 8:
        return None
    stolen = ticks[7]
    idle = ticks[3] + ticks[4]
    total = sum(ticks)
    return CpuTimes(
        (total - idle - stolen) / TICKS_PER_S, stolen / TICKS_PER_S, total / TICKS_PER_S
    )


def load_between(
    before: CpuTimes | None, after: CpuTimes | None, own_s: float, elapsed_s: float
) -> LoadBetween:
    """Load by others over ``elapsed_s``, when ``own_s`` of processor time was ours."""
    if before is None or after is None or elapsed_s <= 0:
        return LoadBetween(None, None)
    others_s = max(after.busy_s - before.busy_s - own_s, 0.0)
    total_s = after.total_s - before.total_s
    steal = 100 * (after.stolen_s - before.stolen_s) / total_s if total_s > 0 else None
    return LoadBetween(others_s / elapsed_s, steal)


def read_pressure_percent(system: System) -> float | None:
    """Share of the last 10 s in which some task waited for a core (kernel: psi.rst)."""
    for field in system.first_line("proc/pressure/cpu").split():
        name, _, value = field.partition("=")
        if name == "avg10":
            return to_number(value)
    return None


def read_running(system: System) -> float | None:
    """Tasks that run or wait for a core at this moment."""
    return system.table("proc/stat").get("procs_running")


def read_oom_kills(system: System) -> int:
    """Processes killed for want of memory since boot; 0 where the kernel does not count."""
    return round(system.table("proc/vmstat").get("oom_kill", 0))
