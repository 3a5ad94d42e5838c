"""From a support set to predictions: Bayesian linear regression, averaged over the prior.

Given one draw, relative latency is ``anchor + Σ_j w_j φ_j + ε`` with ``w_j ~ N(0, scale_j²)``
and ``ε ~ N(0, (noise · mean device)²)``, which has a closed form in the ``k`` measurements
(Rasmussen & Williams, 2006, eq. 2.25, 2.26 and 2.30). Draws are weighted by evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray
from help_core.predictors.transfer.dictionary import Dictionary
from help_core.predictors.transfer.prior import Draws

JITTER = 1e-9
KEPT = 40
LEAST_WEIGHT = 1e-4
CHUNK_NUMBERS = 4_000_000


@dataclass(frozen=True, slots=True)
class Posterior:
    """The draws that the support speaks for, in units of ``scale_ms``."""

    support: Dictionary
    draws: Draws
    weight: FloatArray
    """``[e]``, sums to 1."""
    solved: FloatArray
    """Inverse covariance times residual, ``[e, k]``."""
    inverse: FloatArray
    """``[e, k, k]``."""
    anchor_scale: FloatArray
    """What one unit of each anchor is worth, ``[anchors]``."""

    def moments(self, dictionary: Dictionary) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of a new measurement, ``[n]`` each."""
        field_kernels = dictionary.field_kernels(self.support)
        field_squares = dictionary.field_squares()
        column_squares = dictionary.columns**2
        columns = dictionary.columns.shape[1]
        mean = np.zeros((len(self.weight), len(dictionary.columns)))
        variance = np.empty_like(mean)
        for index, draw_scales in enumerate(self.draws.scales):
            squared = draw_scales**2
            kernel = (dictionary.columns * squared[:columns]) @ self.support.columns.T
            kernel += np.tensordot(squared[columns:], field_kernels, 1)
            anchor = self.draws.anchor[index]
            mean[index] = dictionary.anchors[:, anchor] * self.anchor_scale[anchor]
            mean[index] += kernel @ self.solved[index]
            prior = column_squares @ squared[:columns] + field_squares @ squared[columns:]
            explained = ((kernel @ self.inverse[index]) * kernel).sum(axis=1)
            noise = (self.draws.noise[index] * dictionary.anchors[:, 0]) ** 2
            variance[index] = np.maximum(prior - explained, 0) + noise
        average = self.weight @ mean
        spread = self.weight @ (variance + (mean - average) ** 2)
        return average, np.sqrt(spread)


def fit_posterior(support: Dictionary, relative: FloatArray, draws: Draws) -> Posterior:
    """From the support's dictionary and latencies ``[k]`` over that of the mean device.

    ``relative`` is in units in which the median ratio to the mean device is 1.
    """
    anchor_scale = np.median(relative[:, None] / support.anchors, axis=0)
    residual = (relative[:, None] - support.anchors * anchor_scale).T
    grams = _grams(support)
    chunk = max(CHUNK_NUMBERS // len(relative) ** 2, 1)
    evidence = np.concatenate(
        [
            _condition(grams, support, residual, draws.take(slice(start, start + chunk)))[0]
            for start in range(0, len(draws), chunk)
        ]
    )
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    best = np.argsort(-weight, kind="stable")[:KEPT]
    best = best[weight[best] > LEAST_WEIGHT]
    kept = draws.take(best)
    _, solved, inverse = _condition(grams, support, residual, kept)
    return Posterior(
        support, kept, weight[best] / weight[best].sum(), solved, inverse, anchor_scale
    )


def _grams(support: Dictionary) -> FloatArray:
    """Inner products of the support by term, ``[terms, k, k]``."""
    columns = support.columns.T
    by_column = columns[:, :, None] * columns[:, None, :]
    return np.concatenate([by_column, support.field_kernels(support)])


def _condition(
    grams: FloatArray, support: Dictionary, residual: FloatArray, draws: Draws
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log evidence ``[m]``, solved residuals ``[m, k]``, inverse covariances ``[m, k, k]``."""
    terms, count = grams.shape[0], grams.shape[1]
    covariance = (draws.scales**2 @ grams.reshape(terms, -1)).reshape(-1, count, count)
    noise = (draws.noise[:, None] * support.anchors[:, 0]) ** 2
    covariance[:, np.arange(count), np.arange(count)] += noise + JITTER
    root = np.linalg.cholesky(covariance)
    inverse = np.linalg.inv(covariance)
    own = residual[draws.anchor]
    solved = np.einsum("mij,mj->mi", inverse, own)
    log_determinant = np.log(root[:, np.arange(count), np.arange(count)]).sum(axis=1)
    evidence: FloatArray = -0.5 * (solved * own).sum(axis=1) - log_determinant
    return evidence, solved, inverse
