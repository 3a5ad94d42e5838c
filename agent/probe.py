"""What this board is, what it can measure with, and what will spoil its numbers."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import psutil

from agent.conditions import System, affinity, describe_host, governor, power_mode, sensors
from agent.conditions.kinds import find_kind
from agent.conditions.load import LoadBetween, load_between, read_cpu_times
from agent.conditions.snapshot import read_all
from agent.conditions.throttle import ThrottleState, read_throttle
from agent.measure.reasons import Reason, explain
from agent.measure.thresholds import Thresholds
from agent.runtimes.base import UnknownRuntime
from agent.runtimes.registry import find_runtime
from help_core.records import Board

LOOK_S = 0.5
BUSY_SHOWN = 3
OPTIONAL = ("battery_percent",)
"""What is missing on most machines because there is nothing to read."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that will spoil numbers, and the way out."""

    reason: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class Probe:
    """All that ``help-agent probe`` shows."""

    board: Board
    runtime: str
    """Name and version."""
    providers: tuple[str, ...]
    governor: str
    power_mode: str
    affinity: str
    readings: Mapping[str, float | None]
    throttling_readable: bool
    unreadable: Mapping[str, str]
    """What this board could tell and does not, and why."""
    findings: tuple[Finding, ...]


def probe_host(system: System, runtime: str = "onnxruntime") -> Probe:
    """Looks at this machine for half a second."""
    kind = find_kind(system)
    load, busy = _watch(system)
    readings = read_all(system, kind)
    throttle = read_throttle(system)
    return Probe(
        board=describe_host(system, kind),
        runtime=_with_version(runtime),
        providers=_providers(runtime),
        governor=governor(system),
        power_mode=power_mode(system, kind),
        affinity=affinity(),
        readings={**readings, "others_cores": load.others_cores},
        throttling_readable=throttle.readable,
        unreadable=_unreadable(system, readings, throttle, kind.why_unreadable(system)),
        findings=(
            *_load_findings(load, busy, Thresholds()),
            *_throttle_findings(throttle),
            *_setting_findings(system),
            *_unreadable_findings(readings, throttle),
        ),
    )


def _unreadable(
    system: System,
    readings: Mapping[str, float | None],
    throttle: ThrottleState,
    why: Mapping[str, str],
) -> dict[str, str]:
    missing = [name for name, value in readings.items() if value is None and name not in OPTIONAL]
    if not throttle.readable:
        missing.append("throttling")
    found = {name: why.get(name, "this machine does not tell it") for name in missing}
    return {**found, "gpu": system.gpu_missing} if system.gpu_missing else found


def _finding(reason: Reason, detail: str = "") -> Finding:
    explanation = explain(reason)
    what = f"{explanation.what}: {detail}" if detail else explanation.what
    return Finding(reason, what, explanation.fix)


def _watch(system: System) -> tuple[LoadBetween, str]:
    """Load by others over a moment, and the names of the processes behind it."""
    others = [process for process in _processes() if process.pid != os.getpid()]
    for process in others:
        _percent(process)
    times, own_s, begin_s = read_cpu_times(system), time.process_time(), time.monotonic()
    time.sleep(LOOK_S)
    elapsed_s = time.monotonic() - begin_s
    load = load_between(times, read_cpu_times(system), time.process_time() - own_s, elapsed_s)
    shares = sorted(((_percent(one), one) for one in others), key=lambda pair: -pair[0])
    names = [
        f"{_name(process)} {share:.0f} %" for share, process in shares[:BUSY_SHOWN] if share >= 5
    ]
    return load, ", ".join(names)


def _processes() -> list[psutil.Process]:
    try:
        return list(psutil.process_iter())
    except (psutil.Error, IndexError):
        # psutil expects at least one; a sandbox may hide them all.
        return []


def _percent(process: psutil.Process) -> float:
    try:
        return float(process.cpu_percent())
    except psutil.Error:
        return 0.0


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "a process that ended"


def _load_findings(load: LoadBetween, busy: str, thresholds: Thresholds) -> list[Finding]:
    found = []
    if (load.others_cores or 0) > thresholds.other_load_cores:
        detail = "; ".join(filter(None, [f"{load.others_cores:.1f} cores", busy]))
        found.append(_finding(Reason.OTHER_LOAD, detail))
    if (load.steal_percent or 0) > thresholds.steal_percent:
        found.append(_finding(Reason.CPU_STOLEN, f"{load.steal_percent:.0f} % of the time"))
    return found


def _throttle_findings(throttle: ThrottleState) -> list[Finding]:
    signs = throttle.active | throttle.since_boot
    found = []
    if "under-voltage" in signs:
        found.append(_finding(Reason.UNDER_VOLTAGE, _when(throttle, "under-voltage")))
    others = sorted(signs - {"under-voltage"})
    return found + [
        _finding(Reason.THROTTLED, f"{sign} {_when(throttle, sign)}") for sign in others
    ]


def _when(throttle: ThrottleState, sign: str) -> str:
    return "now" if sign in throttle.active else "since boot"


def _setting_findings(system: System) -> list[Finding]:
    found = []
    if governor(system) not in ("performance", "unreadable"):
        found.append(_finding(Reason.GOVERNOR, governor(system)))
    if sensors.on_battery(system):
        found.append(_finding(Reason.ON_BATTERY))
    return found


def _unreadable_findings(
    readings: Mapping[str, float | None], throttle: ThrottleState
) -> list[Finding]:
    missing = [
        name
        for name, reading in (
            ("temperature", readings["cpu_temperature_c"]),
            ("clock", readings["cpu_clock_mhz"]),
            ("throttling", throttle.readable or None),
        )
        if reading is None
    ]
    return [_finding(Reason.SENSOR_UNREADABLE, ", ".join(missing))] if missing else []


def _with_version(runtime: str) -> str:
    try:
        return f"{runtime} {version(runtime)}"
    except PackageNotFoundError:
        return runtime


def _providers(runtime: str) -> tuple[str, ...]:
    try:
        found: Sequence[str] = find_runtime(runtime).providers()
    except UnknownRuntime:
        return ()
    return tuple(found)
