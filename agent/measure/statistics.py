"""Order statistics of latency samples, and the tests that decide when to stop."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from help_core.arrays import FloatArray
from help_core.records import Summary

Z_95 = 1.959964


def median_interval(sorted_values: FloatArray) -> tuple[float, float]:
    """The 95 % interval of the median by order statistics (binomial, normal approximation)."""
    count = len(sorted_values)
    half = Z_95 * math.sqrt(count) / 2
    low = max(math.floor(count / 2 - half), 0)
    high = min(math.ceil(count / 2 + half), count - 1)
    return float(sorted_values[low]), float(sorted_values[high])


def relative_half_width(samples_ns: Sequence[int]) -> float:
    """Half the width of the median's interval, relative to the median (rule 5)."""
    values = np.sort(np.asarray(samples_ns, dtype=np.float64))
    low, high = median_interval(values)
    return (high - low) / 2 / float(np.median(values))


def is_steady(samples_ns: Sequence[int]) -> bool:
    """Whether the second half of the samples is like the first (rule 4).

    The first value is no outlier of the rest, the mean falls by no more than half and rises by no
    more than a tenth, median absolute deviation and quartiles differ by little.
    """
    if len(samples_ns) < 10:
        return False
    values = np.asarray(samples_ns, dtype=np.float64)
    first, second = np.array_split(values, 2)
    q1, q3 = np.quantile(values, [0.25, 0.75])
    if values[0] > q3 + 1.5 * (q3 - q1):
        return False
    median = float(np.median(values))
    mean_change = (second.mean() - first.mean()) / first.mean()
    if not -0.5 <= mean_change <= 0.1:
        return False
    quartiles = np.abs(np.quantile(first, [0.25, 0.75]) - np.quantile(second, [0.25, 0.75]))
    deviation = abs(_deviation(first) - _deviation(second))
    return bool((quartiles <= 0.05 * median).all() and deviation <= 0.1 * median)


def _deviation(values: FloatArray) -> float:
    return float(np.median(np.abs(values - np.median(values))))


def summarise(samples_ns: Sequence[int], processes: Sequence[Sequence[int]] = ()) -> Summary:
    """Order statistics of all samples, in ms.

    With the samples of several processes, the interval of the median also covers each
    process's own median: samples of one process alone make it too narrow (rule 6).
    """
    values = np.sort(np.asarray(samples_ns, dtype=np.float64)) / 1e6
    low, high = median_interval(values)
    medians = [float(np.median(np.asarray(part, dtype=np.float64))) / 1e6 for part in processes]
    q1, q3 = np.quantile(values, [0.25, 0.75])
    return Summary(
        median_ms=float(np.median(values)),
        low_ms=min([low, *medians]),
        high_ms=max([high, *medians]),
        min_ms=float(values[0]),
        q1_ms=float(q1),
        q3_ms=float(q3),
        mean_ms=float(values.mean()),
    )
