"""What of a measurement has to keep a limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from help_core.errors import BadInput
from help_core.records import AdaptOrder, Measurement
from help_core.records.orders import MEDIAN


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a measurement; ``None`` where the board cannot tell it."""

    name: str
    read: Callable[[Measurement], float | None]
    missing: str
    """Why a limit on it cannot be judged where it is not told, and the way out."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A quantity with the limit that it has to keep."""

    quantity: Quantity
    limit: float


def energy_mj(measurement: Measurement) -> float | None:
    """Of one inference, where the board has a counter."""
    return _reading(measurement, "energy_per_run_mj")


def memory_mib(measurement: Measurement) -> float | None:
    """Peak memory of a run of its own, where the board can tell it."""
    return _reading(measurement, "peak_memory_mb")


def latency(percentile: float) -> Quantity:
    """The median as the agent has it, or a percentile of the samples."""
    if percentile == MEDIAN:
        return Quantity("median latency", lambda found: found.summary.median_ms, "")
    fewest = math.ceil(round(100 / (100 - percentile), 6))

    def read(measurement: Measurement) -> float | None:
        if len(measurement.samples_ns) < fewest:
            return None
        return float(np.percentile(measurement.samples_ns, percentile)) / 1e6

    return Quantity(
        f"p{percentile:g} latency",
        read,
        f"p{percentile:g} needs {fewest} samples a measurement or more;"
        " ask for a lower --percentile",
    )


def limited(order: AdaptOrder) -> tuple[Limited, ...]:
    """The limits of an order, besides latency, that only a measurement can tell."""
    wanted = (
        ("energy", energy_mj, order.limits.max_energy_mj, "energy counter", "--max-energy-mj"),
        (
            "peak memory",
            memory_mib,
            order.limits.max_memory_mib,
            "memory reading",
            "--max-memory-mib",
        ),
    )
    return tuple(
        Limited(Quantity(name, read, f"it has no {counter}; leave out {option}"), limit)
        for name, read, limit, counter, option in wanted
        if limit is not None
    )


def require(quantity: Quantity, device: str, measurement: Measurement) -> float:
    """The number; raises ``BadInput`` where the device does not tell it."""
    value = quantity.read(measurement)
    if value is None or value <= 0:
        raise BadInput(f"{device} cannot judge {quantity.name}: {quantity.missing}")
    return value


def _reading(measurement: Measurement, name: str) -> float | None:
    for reading in measurement.readings:
        if reading.name == name:
            return reading.after
    return None
