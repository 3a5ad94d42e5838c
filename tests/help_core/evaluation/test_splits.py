from __future__ import annotations

import numpy as np
import pytest

from help_core.errors import BadInput
from help_core.evaluation.splits import query_rows, support_pool, trimmed


def test_trimming_drops_the_fastest_and_slowest_tenth() -> None:
    latency_ms = np.arange(100, 0, -1).astype(float)
    rows = trimmed(np.arange(100), latency_ms)
    assert len(rows) == 80
    assert (latency_ms[rows].min(), latency_ms[rows].max()) == (11, 90)


def test_helps_query_is_the_thousand_after_the_training_architectures() -> None:
    rows = query_rows(np.random.default_rng(0).uniform(1, 2, 1500), 400, "help")
    assert len(rows) == 800
    assert rows.min() >= 400
    assert rows.max() < 1400


def test_all_queries_skip_gaps_only() -> None:
    latency_ms = np.array([1.0, np.nan, 3.0])
    assert query_rows(latency_ms, 3, "all").tolist() == [0, 2]


def test_helps_query_needs_a_thousand_rows_after_training() -> None:
    with pytest.raises(BadInput, match="rows 600-1599, the table has 1500"):
        query_rows(np.ones(1500), 600, "help")


def test_the_support_pool_never_leaves_the_training_architectures() -> None:
    latency_ms = np.linspace(1, 2, 50)
    latency_ms[3] = np.nan
    assert support_pool(latency_ms, 10, "all").tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert support_pool(latency_ms, 11, "help").tolist() == [1, 2, 4, 5, 6, 7, 8, 9]
