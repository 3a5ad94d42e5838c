"""Which rows of a table train, may support, and are scored.

HELP's protocol (Lee et al., NeurIPS 2021): predictors train on the first ``N``
architectures, are scored on the next 1,000, and the fastest and slowest tenth of either,
by the latency of the device in question, is left out.
"""

from __future__ import annotations

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.evaluation.records import QuerySet

HELP_QUERIES = 1000
HELP_TRIM = 0.1


def trimmed(rows: IntArray, latency_ms: FloatArray) -> IntArray:
    """``rows`` without the fastest and slowest tenth of them, in their old order."""
    order = rows[np.argsort(latency_ms[rows], kind="stable")]
    return np.sort(order[int(len(order) * HELP_TRIM) : int(len(order) * (1 - HELP_TRIM))])


def query_rows(latency_ms: FloatArray, train_architectures: int, query: QuerySet) -> IntArray:
    """Rows to score of a target's column ``[n]``; gaps are never scored.

    ``all`` is every architecture that was measured, the support included (as NASFLAT does);
    ``help`` is HELP's query set. Raises ``BadInput`` if the table is too short for it.
    """
    measured = np.flatnonzero(np.isfinite(latency_ms))
    if query == "all":
        return measured
    end = train_architectures + HELP_QUERIES
    if end > len(latency_ms):
        raise BadInput(
            f"HELP's query set needs rows {train_architectures}-{end - 1}, the table has"
            f" {len(latency_ms)}; lower --train-architectures or use --query all"
        )
    inside = measured[(measured >= train_architectures) & (measured < end)]
    return trimmed(inside, latency_ms)


def support_pool(latency_ms: FloatArray, train_architectures: int, query: QuerySet) -> IntArray:
    """Rows that a random support is drawn from: training architectures that were measured.

    Under HELP's protocol without the target's fastest and slowest tenth. That is a little
    knowledge that nobody has of a new device; it is kept for parity with published figures,
    and designed supports do not have it.
    """
    rows = np.flatnonzero(np.isfinite(latency_ms[:train_architectures]))
    return trimmed(rows, latency_ms) if query == "help" else rows
