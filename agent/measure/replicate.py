"""What one fresh process measured, and what went on meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from agent.measure.statistics import net_samples_ms
from help_core.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Conditions:
    """What went on around one process; ``None`` is unreadable."""

    others_cores: float | None = None
    steal_percent: float | None = None
    throttled: tuple[str, ...] = ()
    """Signs of throttling that were up or rose."""
    clock_low_mhz: float | None = None
    clock_mean_mhz: float | None = None
    nominal_clock_mhz: float | None = None
    temperature_high_c: float | None = None
    swapped_pages: float | None = None
    missing: tuple[str, ...] = ()
    """Sensors that this board does not have or does not let us read."""
    energy_mj: float | None = None
    """Energy of the board over the sampling."""
    seen: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Lowest and highest reading during the sampling, by name."""


@dataclass(frozen=True, slots=True)
class Replicate:
    """One fresh process's part of a measurement."""

    samples_ns: tuple[int, ...]
    waited_ns: tuple[int, ...]
    steady: bool
    stopped: str
    warmup_runs: int
    session_ms: float
    first_run_ms: float
    facts: Mapping[str, str] = field(default_factory=dict)
    assignment: Mapping[str, int] | None = None
    enqueue_share: float | None = None
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def net_ms(self) -> FloatArray:
        """Latencies without the time that the thread waited for a core."""
        return net_samples_ms(self.samples_ns, self.waited_ns)

    @property
    def median_ms(self) -> float:
        """Median latency."""
        return float(np.median(self.net_ms))

    @property
    def waited_share(self) -> float:
        """Share of the sampling time spent waiting for a core."""
        return sum(self.waited_ns) / sum(self.samples_ns)
