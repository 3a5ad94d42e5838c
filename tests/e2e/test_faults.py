"""The short form of ``benchmarks/faults.py``: harm is done, and nothing is lost or doubled."""

from __future__ import annotations

import pytest

from benchmarks.fault_results import SHORT, CannotRun
from benchmarks.faults import EXPERIMENTS, experiment


@pytest.mark.parametrize("number", sorted(EXPERIMENTS))
def test_nothing_acknowledged_is_lost_or_counted_twice(number: str) -> None:
    try:
        result = experiment(number, SHORT)
    except CannotRun as error:
        pytest.skip(f"experiment {number} {error}")
    counts = result.counts
    assert counts is not None
    assert result.holds, result
    assert counts.sent > 0, result
    if number == "9":
        assert (counts.acknowledged, counts.stored) == (0, 0), result
    elif number != "7":
        assert counts.acknowledged >= counts.stored > 0, result
    if number == "4":
        assert counts.expired == 0, result
    if number == "3":
        assert counts.stale > 0, result
