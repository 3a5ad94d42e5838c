"""From ms to what the networks see: labels and hardware embeddings, in both modes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.help.settings import Labels

RANGE_PORTION = 0.9
"""Labels of the as-published mode lie in 0.05-0.95 where the range was taken."""


def range_labels(latency_ms: FloatArray, low_ms: float, high_ms: float) -> FloatArray:
    """Latencies scaled so that ``low_ms`` is 0.05 and ``high_ms`` 0.95 (HELP, ``utils.py``)."""
    share = (latency_ms - low_ms) / max(high_ms - low_ms, np.finfo(float).tiny)
    labels: FloatArray = share * RANGE_PORTION + (1 - RANGE_PORTION) / 2
    return labels


def range_embedding(reference_ms: FloatArray) -> FloatArray:
    """Reference latencies ``[…, references]`` scaled to 0-1, as published."""
    low = reference_ms.min(axis=-1, keepdims=True)
    spread = reference_ms.max(axis=-1, keepdims=True) - low
    embedding: FloatArray = (reference_ms - low) / np.maximum(spread, np.finfo(float).tiny)
    return embedding


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


@dataclass(frozen=True, slots=True)
class Scale:
    """Labels of one device and back, knowing nothing but its support."""

    labels: Labels
    low_ms: float
    high_ms: float

    @classmethod
    def of_support(cls, latency_ms: FloatArray, labels: Labels) -> Scale:
        """The scale of a support set.

        The published ``range`` labels need the range of the whole device; here the range of
        the support stands in for it.
        """
        return cls(labels, float(latency_ms.min()), float(latency_ms.max()))

    def to_labels(self, latency_ms: FloatArray) -> FloatArray:
        """Labels of latencies in ms."""
        if self.labels == "log":
            return np.log(latency_ms)
        return range_labels(latency_ms, self.low_ms, self.high_ms)

    def to_ms(self, labels: FloatArray) -> FloatArray:
        """Latencies in ms of labels; never below a hundredth of the fastest of the support."""
        if self.labels == "log":
            return np.exp(labels)
        share = (labels - (1 - RANGE_PORTION) / 2) / RANGE_PORTION
        latency = self.low_ms + share * (self.high_ms - self.low_ms)
        return np.maximum(latency, self.low_ms / 100)
