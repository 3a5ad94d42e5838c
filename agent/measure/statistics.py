"""Order statistics of latency samples: summary, percentiles, labels of outliers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from agent.measure.interval import process_interval, sample_interval
from help_core.arrays import FloatArray
from help_core.records import Summary

PERCENTILE_COUNTS = {50: 1, 90: 100, 99: 1_000}
"""Samples that a percentile needs before it is printed (rule 7)."""


def summarise(
    samples_ns: Sequence[int],
    processes: Sequence[Sequence[int]] = (),
    *,
    waited_ns: Sequence[int] = (),
) -> Summary:
    """Order statistics in ms of samples, in the order they were taken.

    With the samples of several processes the median is that of the processes' medians, and its
    interval rests on their scatter: samples of one process alone make it too narrow (rule 6).
    Time without a core (``waited_ns``, one value per sample) is no part of the latency.
    """
    values = net_samples_ms(samples_ns, waited_ns)
    parts = _split(values, [len(part) for part in processes])
    medians = np.array([np.median(part) for part in parts])
    low, high = process_interval(medians) if len(medians) > 1 else sample_interval(values)
    median = float(np.median(medians)) if len(medians) > 1 else float(np.median(values))
    minimum = float(values.min())
    q1, q3 = np.quantile(values, [0.25, 0.75])
    return Summary(
        median_ms=median,
        low_ms=max(low, 0.0),
        high_ms=high,
        min_ms=minimum,
        q1_ms=float(q1),
        q3_ms=float(q3),
        mean_ms=float(values.mean()),
    )


def net_samples_ms(samples_ns: Sequence[int], waited_ns: Sequence[int] = ()) -> FloatArray:
    """Samples less the time that they waited for a core, in ms."""
    values = np.asarray(samples_ns, dtype=np.float64)
    if len(waited_ns):
        values = np.maximum(values - np.asarray(waited_ns, dtype=np.float64), 1.0)
    scaled: FloatArray = values / 1e6
    return scaled


def _split(values: FloatArray, counts: Sequence[int]) -> list[FloatArray]:
    return np.split(values, np.cumsum(counts)[:-1]) if counts else [values]


def percentiles_ms(samples_ns: Sequence[int]) -> Mapping[str, float]:
    """The percentiles for which there are samples enough, in ms by name: ``p90``."""
    values = np.asarray(samples_ns, dtype=np.float64) / 1e6
    return {
        f"p{percent}": float(np.percentile(values, percent))
        for percent, needed in PERCENTILE_COUNTS.items()
        if len(values) >= needed
    }


def label_outliers(samples_ns: Sequence[int]) -> Mapping[str, int]:
    """How many samples lie beyond Tukey's fences; they are labelled, never dropped (rule 18)."""
    values = np.asarray(samples_ns, dtype=np.float64)
    q1, q3 = np.quantile(values, [0.25, 0.75])
    reach = q3 - q1
    return {
        "low_severe": int((values < q1 - 3 * reach).sum()),
        "low_mild": int(((values >= q1 - 3 * reach) & (values < q1 - 1.5 * reach)).sum()),
        "high_mild": int(((values > q3 + 1.5 * reach) & (values <= q3 + 3 * reach)).sum()),
        "high_severe": int((values > q3 + 3 * reach).sum()),
    }


def relative_spread(values: FloatArray) -> float:
    """Interquartile range over the median (rule 19)."""
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    return float((q3 - q1) / median)
