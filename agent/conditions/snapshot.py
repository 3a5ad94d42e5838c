"""All readings at one moment, and the thread that takes them during a measurement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from agent.conditions import sensors
from agent.conditions.energy import EnergySample, read_energy
from agent.conditions.kinds import BoardKind, find_kind
from agent.conditions.load import read_pressure_percent, read_running
from agent.conditions.system import System
from agent.conditions.throttle import ThrottleState, read_throttle
from help_core.records import Reading

SAMPLE_EVERY_S = 0.1

READERS: Mapping[str, Callable[[System], float | None]] = {
    "cpu_temperature_c": sensors.temperature_c,
    "cpu_clock_mhz": sensors.clock_mhz,
    "load_1min": sensors.load_1min,
    "cpu_pressure_10s_percent": read_pressure_percent,
    "running_tasks": read_running,
    "memory_available_mb": sensors.memory_available_mb,
    "battery_percent": sensors.battery_percent,
}
"""Readings by name with unit; a board that lacks one says ``None``: unreadable."""

OFTEN = ("cpu_temperature_c", "cpu_clock_mhz", "running_tasks")
"""What changes within a measurement and is cheap to read."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Readings at one moment by name, with the signs of throttling."""

    values: Mapping[str, float | None]
    throttle: ThrottleState
    swapped_pages: float | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What the sampler sees during a measurement."""

    at_ns: int
    values: Mapping[str, float | None]
    throttle: ThrottleState
    energy: EnergySample


def read_all(system: System, kind: BoardKind | None = None) -> dict[str, float | None]:
    """The common readings, those of this kind of board and those of the GPU, by name."""
    readers = {**READERS, **(kind or find_kind(system)).readers(system)}
    values = {name: read(system) for name, read in readers.items()}
    if system.gpu is not None:
        # An integrated GPU tells NVML little; what the board itself has read stays.
        told = system.gpu.readings()
        values |= {name: value for name, value in told.items() if values.get(name) is None}
    return values


def take_snapshot(system: System, kind: BoardKind | None = None) -> Snapshot:
    """Reads everything that this machine lets us read."""
    values = read_all(system, kind)
    return Snapshot(values, read_throttle(system), sensors.swapped_pages(system))


def take_moment(system: System, at_ns: int, *, gpu: bool = False) -> Moment:
    """Reads what is cheap to read; of the GPU only where it does the work."""
    values = {name: READERS[name](system) for name in OFTEN}
    if gpu and system.gpu is not None:
        values |= system.gpu.moment()
    throttle = read_throttle(system, commands=False, gpu=gpu)
    return Moment(at_ns, values, throttle, read_energy(system, at_ns, gpu=gpu))


def compare(
    before: Snapshot, after: Snapshot, during: Sequence[Mapping[str, tuple[float, float]]]
) -> tuple[Reading, ...]:
    """The readings around a measurement, with the extremes that each process saw."""
    readings = []
    for name, value in before.values.items():
        seen = [bound for part in during for bound in part.get(name, ())]
        low, high = (min(seen), max(seen)) if seen else (None, None)
        readings.append(Reading(name, value, after.values.get(name), low, high))
    return tuple(readings)


class Sampler:
    """Reads conditions in a thread of the agent while a child measures.

    A context manager; ``moments`` is complete after it. The measuring process is left alone.
    """

    def __init__(
        self,
        system: System,
        clock_ns: Callable[[], int],
        every_s: float = SAMPLE_EVERY_S,
        *,
        gpu: bool = False,
    ) -> None:
        self._system = system
        self._clock_ns = clock_ns
        self._every_s = every_s
        self._gpu = gpu
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="conditions", daemon=True)
        self.moments: list[Moment] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._take()
            if self._done.wait(self._every_s):
                self._take()
                return

    def _take(self) -> None:
        self.moments.append(take_moment(self._system, self._clock_ns(), gpu=self._gpu))
