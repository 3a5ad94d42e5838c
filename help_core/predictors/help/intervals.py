"""Intervals of predicted latencies, from errors seen on other devices and on this one."""

from __future__ import annotations

from collections.abc import Collection
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

    The variance within a device has a scaled inverse chi-square prior, centred on what was
    seen on validation devices and updated with the leave-one-out errors of the support. The
    variance of a device's bias is taken from validation devices alone: a support that is off
    as a whole (HELP's CPUs, by 8-12 %) does not show in its own leave-one-out errors.
    """

    scale: float
    degrees: float

    @property
    def factor(self) -> float:
        """What a prediction is divided and multiplied by to give its 90 % interval."""
        return float(np.exp(student.ppf(0.5 + INTERVAL_LEVEL / 2, self.degrees) * self.scale))


@dataclass(frozen=True, slots=True)
class PriorError:
    """Errors of label predictions on validation devices, as root mean squares."""

    bias: float
    """Of the mean error of a device."""
    spread: float
    """Of the errors around that mean."""

    @classmethod
    def of_devices(cls, error: Collection[float], bias: Collection[float]) -> PriorError:
        """From each device's root mean square error and its mean error."""
        square = float(np.mean(np.array([*error]) ** 2))
        bias_square = float(np.mean(np.array([*bias]) ** 2))
        return cls(np.sqrt(bias_square), np.sqrt(max(square - bias_square, 0.0)))


def relative_error(prior: PriorError, left_out: FloatArray) -> RelativeError:
    """``left_out`` ``[k]`` holds log errors on support architectures predicted from the rest."""
    degrees = PRIOR_ERRORS + len(left_out)
    square = (PRIOR_ERRORS * prior.spread**2 + float(left_out @ left_out)) / degrees
    return RelativeError(float(np.sqrt(square + prior.bias**2)), degrees)
