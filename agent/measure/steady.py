"""Whether a stream of latencies has settled (rule 4). Pure; only numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from help_core.arrays import FloatArray

TREND_TOLERANCE = 0.02
"""Change from the first to the last third of the samples that no sampling noise explains away."""


def is_steady(samples_ns: Sequence[int]) -> bool:
    """Whether the second half of the samples is like the first.

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


def last_runs_agree(samples_ns: Sequence[int]) -> bool:
    """Whether the last three runs lie within a tenth: all that a slow model's few runs can show."""
    last = samples_ns[-3:]
    return len(last) == 3 and max(last) <= 1.1 * min(last)


def trend(samples_ns: Sequence[int]) -> float:
    """The relative change from the first to the last third of the samples; 0 if it is noise.

    Below zero a warm-up ended too soon, above zero the board slows down. The change of the
    medians must exceed a fixed share and four standard errors, so that neither noise nor a
    single spike is taken for a drift.
    """
    values = np.asarray(samples_ns, dtype=np.float64)
    third = len(values) // 3
    if third < 5:
        return 0.0
    first, last = values[:third], values[-third:]
    change = float(np.median(last)) - float(np.median(first))
    # Standard error of a median of normal values, with MAD = 0.6745 standard deviations.
    error = 1.2533 * np.hypot(_deviation(first), _deviation(last)) / 0.6745 / np.sqrt(third)
    relative = change / float(np.median(values))
    return relative if abs(relative) > TREND_TOLERANCE and abs(change) > 4 * error else 0.0


def _deviation(values: FloatArray) -> float:
    return float(np.median(np.abs(values - np.median(values))))
