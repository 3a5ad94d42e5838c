"""Intervals from errors on other devices and on this one."""

from __future__ import annotations

import numpy as np
import pytest

from help_core.predictors.help.intervals import PriorError, relative_error


def test_prior_splits_errors_into_bias_and_spread() -> None:
    prior = PriorError.of_devices([0.5, 0.5], [0.3, -0.3])
    assert prior.bias == pytest.approx(0.3)
    assert prior.spread == pytest.approx(0.4)


def test_many_left_out_errors_outweigh_the_prior_spread() -> None:
    few = relative_error(PriorError(0.0, 0.5), np.full(3, 0.01))
    many = relative_error(PriorError(0.0, 0.5), np.full(3000, 0.01))
    assert many.scale < 0.03 < 0.3 < few.scale


def test_bias_of_a_device_stays_however_well_the_support_fits() -> None:
    error = relative_error(PriorError(0.1, 0.05), np.zeros(10_000))
    assert error.scale == pytest.approx(0.1, rel=0.01)


def test_intervals_of_normal_errors_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        spread = np.sqrt(5 * 0.1**2 / rng.chisquare(5))
        error = relative_error(PriorError(0.0, 0.1), rng.normal(scale=spread, size=10))
        held.append(abs(rng.normal(scale=spread)) < np.log(error.factor))
    assert np.mean(held) == pytest.approx(0.9, abs=0.02)
