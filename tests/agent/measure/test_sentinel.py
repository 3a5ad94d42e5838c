"""The sentinel: baseline, drift, and its model."""

from __future__ import annotations

import onnx
import pytest

from agent.measure.sentinel import Sentinel, sentinel_stages


def test_drift_is_the_largest_distance_from_the_baseline_or_between_values() -> None:
    sentinel = Sentinel()
    assert sentinel.drift([]) == 0
    assert sentinel.drift([1.0, 1.1]) == pytest.approx(0.1)
    for value in (1.0, 1.01, 5.0):
        sentinel.record(value)
    assert sentinel.baseline_ms == 1.01
    assert sentinel.drift([1.01, 1.01]) == 0
    assert sentinel.drift([0.9]) == pytest.approx(1.01 / 0.9 - 1)


def test_a_lasting_change_becomes_the_baseline() -> None:
    sentinel = Sentinel(remembered=5)
    for value in [1.0] * 5 + [2.0] * 3:
        sentinel.record(value)
    assert sentinel.baseline_ms == 2.0


def test_the_sentinel_is_a_valid_model_and_always_the_same() -> None:
    (stage,) = sentinel_stages()
    onnx.checker.check_model(stage.model)
    (again,) = sentinel_stages()
    assert stage.model.SerializeToString(deterministic=True) == again.model.SerializeToString(
        deterministic=True
    )
