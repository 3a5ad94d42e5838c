"""How often the 95 % intervals cover the truth, and the factors they rest on.

    python benchmarks/coverage.py [--streams 1000] [--factors]

Synthetic streams with a known median. For one process: independent and skewed samples, and
autoregressive ones of several strengths and lengths (short and strongly correlated streams are
covered less often than they say, which is why measurements rest on fresh processes). For the
whole procedure with its stopping rule: three processes whose medians differ or do not.
``--factors`` computes ``agent.measure.interval.MEDIAN_FACTORS`` from normal draws.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.signal import lfilter

from agent.measure.interval import sample_interval
from agent.measure.loop import Plan, sample
from agent.measure.statistics import summarise
from help_core.arrays import FloatArray

DRAWS = 4_000_000


def stream(rng: np.random.Generator, count: int, phi: float, share: float) -> FloatArray:
    """An autoregressive stream around one with relative standard deviation ``share``."""
    steps = rng.normal(0.0, 1.0, count + 200)
    values = lfilter([1.0], [1.0, -phi], steps)[200:]
    found: FloatArray = 1 + share * math.sqrt(1 - phi**2) * values
    return found


def one_process(streams: int) -> None:
    """Coverage by correlation (rows) and number of samples (columns)."""
    counts = (20, 60, 100, 200, 500, 2000)
    print("one process; samples:     ", *(f"{count:6}" for count in counts))
    rng = np.random.default_rng(0)
    for phi in (0.0, 0.2, 0.4, 0.6, 0.8):
        row = []
        for count in counts:
            hits = 0
            for _ in range(streams):
                low, high = sample_interval(stream(rng, count, phi, 0.02))
                hits += low <= 1.0 <= high
            row.append(f"{100 * hits / streams:6.1f}")
        print(f"  lag-1 correlation {phi:.1f}, %:", *row)


def whole_procedure(streams: int) -> None:
    """Coverage of warm-up, stopping and summary over three processes."""
    rng = np.random.default_rng(1)
    for within, phi, between in [(0.01, 0, 0), (0.05, 0, 0.005), (0.02, 0.7, 0), (0.02, 0.5, 0.01)]:
        hits, widths = 0, []
        for _ in range(streams):
            parts = []
            for shift in rng.normal(1.0, between, 3):
                latencies = (2e7 * shift * stream(rng, 1000, phi, within)).tolist()
                parts.append(_measure(latencies))
            summary = summarise([value for part in parts for value in part], parts)
            hits += summary.low_ms <= 20.0 <= summary.high_ms
            widths.append((summary.high_ms - summary.low_ms) / 40.0)
        print(
            f"three processes; within {within:.0%}, lag-1 {phi}, between {between:.1%}:"
            f" covered {100 * hits / streams:.1f} %, median half-width {np.median(widths):.2%}"
        )


def _measure(latencies: list[float]) -> tuple[int, ...]:
    now, runs = 0, 0

    def run() -> None:
        nonlocal now, runs
        now += round(latencies[runs])
        runs += 1

    return sample(run, lambda: now, Plan()).samples_ns


def factors() -> None:
    """The 95 % quantile of a median's distance from the truth, in sample deviations."""
    rng = np.random.default_rng(2)
    for count in range(2, 10):
        draws = rng.normal(size=(DRAWS, count))
        distances = np.abs(np.median(draws, axis=1)) / draws.std(axis=1, ddof=1)
        print(count, f"{np.quantile(distances, 0.95):.3f}")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--factors", action="store_true")
    arguments = parser.parse_args()
    if arguments.factors:
        factors()
        return
    one_process(arguments.streams)
    whole_procedure(arguments.streams)


if __name__ == "__main__":
    main()
