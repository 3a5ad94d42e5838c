"""From ms to what the networks see: labels and hardware embeddings, in both modes."""

from __future__ import annotations

import numpy as np

from help_core.arrays import FloatArray, IntArray

RANGE_PORTION = 0.9
"""Labels of the as-published mode lie in 0.05-0.95 where the range was taken."""


def range_labels(latency_ms: FloatArray, low_ms: float, high_ms: float) -> FloatArray:
    """Latencies scaled so that ``low_ms`` is 0.05 and ``high_ms`` 0.95 (HELP, ``utils.py``)."""
    share = (latency_ms - low_ms) / max(high_ms - low_ms, np.finfo(float).tiny)
    return share * RANGE_PORTION + (1 - RANGE_PORTION) / 2


def range_embedding(reference_ms: FloatArray) -> FloatArray:
    """Reference latencies ``[…, references]`` scaled to 0-1, as published."""
    low = reference_ms.min(axis=-1, keepdims=True)
    spread = reference_ms.max(axis=-1, keepdims=True) - low
    return (reference_ms - low) / np.maximum(spread, np.finfo(float).tiny)


def log_embedding(reference_ms: FloatArray, center: FloatArray) -> FloatArray:
    """How a device differs from the average training device; ``[…, references]``.

    The logarithm of each reference latency less ``center``, less the mean of that: the
    device's scale does not show. A reference that was not measured (NaN) says nothing: 0.
    """
    known = np.isfinite(reference_ms)
    difference = np.where(known, np.log(np.where(known, reference_ms, 1.0)) - center, 0.0)
    count = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    mean = difference.sum(axis=-1, keepdims=True) / count
    return np.where(known, difference - mean, 0.0)


def embedding_center(reference_ms: FloatArray) -> FloatArray:
    """The average training device, ``[references]``, from latencies ``[devices, references]``."""
    logs = np.log(reference_ms)
    centre: FloatArray = (logs - logs.mean(axis=1, keepdims=True)).mean(axis=0)
    return centre


def kept_rows(latency_ms: FloatArray, rows: IntArray, trim_share: float) -> IntArray:
    """Those of ``rows`` that were measured, less the fastest and slowest ``trim_share``."""
    measured = rows[np.isfinite(latency_ms[rows])]
    order = measured[np.argsort(latency_ms[measured], kind="stable")]
    return order[int(len(order) * trim_share) : int(len(order) * (1 - trim_share))]
