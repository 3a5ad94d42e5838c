"""The transfer predictor of one device, undecided among readings until measurements decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.base import Prediction
from help_core.predictors.transfer.dictionary import Dictionary
from help_core.predictors.transfer.intervals import Interval
from help_core.predictors.transfer.posterior import Posterior
from help_core.predictors.transfer.readings import Reading

LEAST_RELATIVE = 0.02
"""No network is predicted faster than this share of the typical latency."""
LEAST_SHARE = 1e-3
"""A reading less likely than this is dropped."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The posterior of one device under one reading."""

    reading: Reading
    posterior: Posterior
    scale_ms: float
    """What latencies were divided by."""
    interval: Interval

    @property
    def log_evidence(self) -> float:
        """Of the latencies in ms, where the posterior knows them over ``scale_ms``."""
        count = len(self.posterior.left_out)
        return self.posterior.log_evidence - count * float(np.log(self.scale_ms))

    def moments_ms(self, dictionary: Dictionary) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of a new measurement of ``n`` architectures."""
        mean, deviation = self.posterior.moments(dictionary)
        return self.scale_ms * np.maximum(mean, LEAST_RELATIVE), self.scale_ms * deviation


@dataclass(frozen=True, slots=True)
class AdaptedTransfer:
    """A mixture of the readings that the support leaves possible."""

    dictionary: Callable[[IntArray, Reading], Dictionary]
    fits: tuple[Fit, ...]
    """Most likely first."""
    shares: tuple[float, ...]
    """How likely each is; they sum to 1."""

    @classmethod
    def of(
        cls,
        dictionary: Callable[[IntArray, Reading], Dictionary],
        fits: list[Fit],
        chances: Mapping[Reading, float],
    ) -> AdaptedTransfer:
        """``chances`` are how likely the readings are beforehand."""
        evidence = np.array([fit.log_evidence + np.log(chances[fit.reading]) for fit in fits])
        share = np.exp(evidence - evidence.max())
        share /= share.sum()
        order = [row for row in np.argsort(-share, kind="stable") if share[row] > LEAST_SHARE]
        total = float(share[order].sum())
        return cls(
            dictionary,
            tuple(fits[row] for row in order),
            tuple(float(share[row]) / total for row in order),
        )

    @property
    def likeliest(self) -> Fit:
        """The reading that the support speaks for."""
        return self.fits[0]

    def predict(self, genes: IntArray) -> Prediction:
        """Latencies of genotypes ``[n, genes]``; moments of the mixture of readings."""
        mean_ms, square_ms2 = np.zeros(len(genes)), np.zeros(len(genes))
        for fit, share in zip(self.fits, self.shares, strict=True):
            one_ms, deviation_ms = fit.moments_ms(self.dictionary(genes, fit.reading))
            mean_ms += share * one_ms
            square_ms2 += share * (one_ms**2 + deviation_ms**2)
        deviation_ms = np.sqrt(np.maximum(square_ms2 - mean_ms**2, 0))
        return self.likeliest.interval.around(mean_ms, deviation_ms)
