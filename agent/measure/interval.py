"""Confidence intervals of a median: of independent samples, of correlated ones, of processes.

Only numpy is imported here: the measuring process decides with these functions when to stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from help_core.arrays import FloatArray

CONFIDENCE = 0.95
Z_95 = 1.959964
MAX_EXACT_COUNT = 100
CORRELATED = 0.1
"""Lag-1 autocorrelation from which samples no longer count as independent (rule 6)."""

MEDIAN_FACTORS = {2: 8.985, 3: 2.545, 4: 1.639, 5: 1.352, 6: 1.125, 7: 1.045, 8: 0.923, 9: 0.889}
"""Half-width of the 95 % interval of a median of n normal values, in their standard deviations.

Student's factor does not fit: the median of a few values scatters more than their mean.
``benchmarks/coverage.py --factors`` computes these.
"""


def median_interval(sorted_values: FloatArray) -> tuple[float, float]:
    """The 95 % interval of the median of independent values, by interpolated order statistics.

    Between the two pairs of order statistics that enclose the wanted coverage, the bounds are
    interpolated (Hettmansperger and Sheather, Statistics & Probability Letters 4, 1986).
    Fewer than six values allow no 95 %: their extremes are returned.
    """
    count = len(sorted_values)
    if count < 6:
        return float(sorted_values[0]), float(sorted_values[-1])
    rank, share = _lower_bound(count)
    low = (1 - share) * sorted_values[rank - 1] + share * sorted_values[rank]
    high = (1 - share) * sorted_values[count - rank] + share * sorted_values[count - rank - 1]
    return float(low), float(high)


@lru_cache(maxsize=4096)
def _lower_bound(count: int) -> tuple[int, float]:
    """Rank (from 1) of the lower bound, and the share of the next value in it."""
    if count > MAX_EXACT_COUNT:
        position = (count + 1) / 2 - Z_95 * math.sqrt(count) / 2
        return math.floor(position), position % 1
    tails = np.cumsum([math.comb(count, k) / 2**count for k in range(count // 2 + 1)])
    covered = 1 - 2 * tails
    rank = int(np.flatnonzero(covered >= CONFIDENCE)[-1]) + 1
    outer, inner = covered[rank - 1], covered[rank]
    excess = (outer - CONFIDENCE) / (outer - inner)
    return rank, float((count - rank) * excess / (rank + (count - 2 * rank) * excess))


def autocorrelation(values: FloatArray, lag: int = 1) -> float:
    """Correlation of the values with themselves ``lag`` later; 0 where nothing varies."""
    if len(values) <= lag + 1:
        return 0.0
    centred = values - values.mean()
    power = float(centred @ centred)
    return float(centred[:-lag] @ centred[lag:]) / power if power > 0 else 0.0


def rank_autocorrelation(values: FloatArray) -> float:
    """Lag-1 autocorrelation of the ranks, which a single spike cannot hide or fake."""
    return autocorrelation(np.argsort(np.argsort(values, kind="stable")).astype(np.float64))


def process_interval(medians: FloatArray) -> tuple[float, float]:
    """The 95 % interval of the median over processes, from the medians of at least two."""
    centre, deviation = float(np.median(medians)), float(np.std(medians, ddof=1))
    count = len(medians)
    # Beyond the table: a median scatters as sqrt(pi/2) times a mean.
    factor = MEDIAN_FACTORS.get(count) or 1.2533 * 2.2 / math.sqrt(count)
    return centre - factor * deviation, centre + factor * deviation


def sample_interval(samples: FloatArray) -> tuple[float, float]:
    """The 95 % interval of one process's median, wider where samples are correlated."""
    low, high = median_interval(np.sort(samples))
    inflation = variance_inflation(samples)
    centre = float(np.median(samples))
    return centre - inflation * (centre - low), centre + inflation * (high - centre)


def variance_inflation(samples: FloatArray) -> float:
    """By how much correlation widens the interval of the median; 1 for independent samples.

    Batch means (rule 6) of the indicator "above the median", whose mean is what the interval
    of a median rests on: batches grow until they are no longer correlated.
    """
    count = len(samples)
    if count < 20 or rank_autocorrelation(samples) <= CORRELATED:
        return 1.0
    above = (samples > np.median(samples)).astype(np.float64)
    single = float(above.var())
    if single == 0:
        return 1.0
    widest = 1.0
    size = 2
    while count // size >= 5:
        batches = count // size
        means = above[-batches * size :].reshape(batches, size).mean(axis=1)
        inflation = size * float(means.var(ddof=1)) / single
        widest = max(widest, inflation * _student_correction(batches))
        if autocorrelation(means) <= CORRELATED and batches <= 50:
            break
        size *= 2
    return math.sqrt(widest)


def _student_correction(batches: int) -> float:
    """Square of Student's 95 % quantile over the normal one (expansion in 1/degrees)."""
    degrees = batches - 1
    z = Z_95
    student = z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    return (student / z) ** 2


def relative_half_width(samples_ns: Sequence[int] | FloatArray) -> float:
    """Half the width of the median's interval, relative to the median (rule 5)."""
    values = np.asarray(samples_ns, dtype=np.float64)
    low, high = sample_interval(values)
    return (high - low) / 2 / float(np.median(values))
