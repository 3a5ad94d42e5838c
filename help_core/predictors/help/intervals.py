"""Intervals of predicted latencies, from errors seen on other devices and on this one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from help_core.arrays import FloatArray
from help_core.predictors.base import INTERVAL_LEVEL

PRIOR_ERRORS = 5.0
"""How many leave-one-out errors the error on validation devices weighs as much as."""


@dataclass(frozen=True, slots=True)
class RelativeError:
    """A scaled Student distribution of the logarithm of true over predicted latency.

    The posterior predictive of a normal error whose variance has a scaled inverse chi-square
    prior: centred on the mean square error of validation devices, updated with the
    leave-one-out errors of the support.
    """

    scale: float
    degrees: float

    @property
    def factor(self) -> float:
        """What a prediction is divided and multiplied by to give its 90 % interval."""
        return float(np.exp(student.ppf(0.5 + INTERVAL_LEVEL / 2, self.degrees) * self.scale))


def relative_error(prior_error: float, left_out: FloatArray) -> RelativeError:
    """``left_out`` ``[k]`` holds log errors on support architectures predicted from the rest."""
    degrees = PRIOR_ERRORS + len(left_out)
    square = (PRIOR_ERRORS * prior_error**2 + float(left_out @ left_out)) / degrees
    return RelativeError(float(np.sqrt(square)), degrees)
