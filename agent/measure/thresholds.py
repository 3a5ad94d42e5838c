"""From where on something counts as a reason: data, recorded with each result."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Calibrated by ``benchmarks/repeatability.py``; docs/measurement.md has the figures."""

    other_load_cores: float = 0.15
    """Cores that others keep busy while one process measures."""
    waited_share: float = 0.02
    """Share of the sampling time in which the thread waited for a core."""
    steal_percent: float = 2.0
    interval: float = 0.05
    """Relative half-width of the 95 % interval over processes."""
    process_spread: float = 0.05
    """Highest over lowest median of the processes, less one."""
    wide_spread: float = 0.10
    """Interquartile range over median (rule 19)."""
    gross_spread: float = 0.25
    min_samples: int = 10
    """Samples of one process."""
    autocorrelation: float = 0.1
    throttled_clock: float = 0.75
    """Share of the nominal clock (rule 10)."""
    clock_drift: float = 0.05
    sentinel_drift: float = 0.05
    enqueue_share: float = 0.8
    """Share of an inference in which a GPU's host is still handing out work (rule 16)."""

    def __str__(self) -> str:
        """One line for the record: ``other_load_cores=0.15 …``."""
        return " ".join(f"{name}={value:g}" for name, value in asdict(self).items())
