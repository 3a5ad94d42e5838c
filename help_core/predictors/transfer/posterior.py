"""From a support set to predictions: Bayesian linear regression, averaged over the prior.

Given one draw, relative latency is ``anchor + Σ_j w_j φ_j + ε`` with ``w_j ~ N(0, scale_j²)``
and ``ε ~ N(0, (noise · mean device)²)``, which has a closed form in the ``k`` measurements
(Rasmussen & Williams, 2006, eq. 2.25, 2.26 and 2.30). Draws are weighted by evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.transfer.dictionary import Dictionary
from help_core.predictors.transfer.prior import Draws, PriorScales, outlier_variances

JITTER = 1e-9
BORDER = 1e15
"""More than any draw can be surprised by the support."""
KEPT = 100
GLANCE = 15
SHORT_LIST = 5
"""One draw in so many is judged by all measurements."""
LEAST_WEIGHT = 1e-4


@dataclass(frozen=True, slots=True)
class Posterior:
    """The mixture of the draws that the support speaks for, as moments of a linear form.

    Every draw predicts linearly in one vector per architecture: its anchors, its columns,
    and the inner products of its fields with the support. So the whole mixture comes down to
    a mean and two quadratic forms in that vector, whatever the number of draws.
    """

    support: Dictionary
    draws: Draws
    weight: FloatArray
    """Of the draws that are kept, ``[e]``, sums to 1."""
    mean: FloatArray
    """``[v]`` with ``v = anchors + columns + fields * k``."""
    doubt: FloatArray
    """Spread of the draws' means less what the support explains, ``[v, v]``."""
    left_out: FloatArray
    """Errors in predicting each measurement from the others, in standard deviations, ``[k]``."""
    log_evidence: float
    """Of the support under the whole prior, up to a constant for that support."""

    def moments(self, dictionary: Dictionary) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of a new measurement, ``[n]`` each."""
        vector = _vector(dictionary, self.support)
        squared = self.weight @ self.draws.scales**2
        columns = dictionary.columns.shape[1]
        prior = dictionary.columns**2 @ squared[:columns]
        prior += dictionary.field_squares() @ squared[columns:]
        noise = self.weight @ self.draws.noise**2 * dictionary.anchors[:, 0] ** 2
        variance = prior + ((vector @ self.doubt) * vector).sum(axis=1)
        return vector @ self.mean, np.sqrt(np.maximum(variance, 0) + noise)


def fit_posterior(
    support: Dictionary,
    relative: FloatArray,
    draws: Draws,
    prior: PriorScales,
    error: FloatArray | float = 0.0,
) -> Posterior:
    """From the support's dictionary and latencies ``[k]`` over that of the mean device.

    ``relative`` is in units in which the median ratio to the mean device is 1, and so is
    ``error``, the standard error of each measurement besides the noise of the device.
    """
    anchor_scale = np.median(relative[:, None] / support.anchors, axis=0)
    residual = (relative[:, None] - support.anchors * anchor_scale).T
    grams = _grams(support)
    noise = (draws.noise[:, None] * support.anchors[:, 0]) ** 2 + JITTER
    noise *= outlier_variances(prior, len(relative))
    noise += np.square(error)
    plausible = _plausible(grams, noise, residual, draws)
    evidence = _evidence(grams, noise[plausible], residual, draws.take(plausible))
    weight = np.exp(prior.temper * (evidence - evidence.max()))
    log_evidence = float(evidence.max() + np.log(np.exp(evidence - evidence.max()).mean()))
    weight /= weight.sum()
    order = np.argsort(-weight, kind="stable")[:KEPT]
    order = order[weight[order] > LEAST_WEIGHT]
    best, weight = plausible[order], weight[order]
    kept = draws.take(best)
    weight = weight / weight.sum()
    inverse = np.linalg.inv(_covariance(grams, noise[best], kept)).astype(np.float64)
    solved = np.einsum("mij,mj->mi", inverse, residual[kept.anchor])
    forms = _linear_forms(support, kept)
    means = np.einsum("evk,ek->ev", forms, solved)
    means[np.arange(len(kept)), kept.anchor] += anchor_scale[kept.anchor]
    mean = weight @ means
    centred = (means - mean) * np.sqrt(weight)[:, None]
    explained = np.einsum("e,evk,ekl,ewl->vw", weight, forms, inverse, forms, optimize=True)
    left_out = _left_out(inverse, solved, weight)
    doubt = centred.T @ centred - explained
    return Posterior(support, kept, weight, mean, doubt, left_out, log_evidence)


def _left_out(inverse: FloatArray, solved: FloatArray, weight: FloatArray) -> FloatArray:
    """Of the mixture, from each draw's own (Rasmussen & Williams, 2006, eq. 5.12)."""
    variance = 1 / np.diagonal(inverse, axis1=1, axis2=2)
    error = solved * variance
    mean = weight @ error
    spread = weight @ (variance + (error - mean) ** 2)
    left_out: FloatArray = mean / np.sqrt(spread)
    return left_out


def _plausible(
    grams: FloatArray, noise: FloatArray, residual: FloatArray, draws: Draws
) -> IntArray:
    """Draws worth judging by all measurements: with many, some of these rule most draws out."""
    if noise.shape[1] <= 2 * GLANCE:
        return np.arange(len(draws))
    some = np.linspace(0, noise.shape[1] - 1, GLANCE).astype(np.int64)
    glance = _evidence(grams[:, some[:, None], some], noise[:, some], residual[:, some], draws)
    return np.sort(np.argsort(-glance, kind="stable")[: len(draws) // SHORT_LIST])


def _vector(dictionary: Dictionary, support: Dictionary) -> FloatArray:
    kernels = dictionary.field_kernels(support)
    flat = kernels.transpose(1, 0, 2).reshape(len(dictionary.columns), -1)
    return np.column_stack([dictionary.anchors, dictionary.columns, flat])


def _linear_forms(support: Dictionary, draws: Draws) -> FloatArray:
    """What turns the vector of an architecture into its covariance with the support.

    ``[e, v, k]``; the anchors have no part in it.
    """
    count, columns = support.columns.shape
    anchors = support.anchors.shape[1]
    squared = draws.scales**2
    forms = np.zeros((len(draws), anchors + columns + len(support.fields) * count, count))
    forms[:, anchors : anchors + columns] = squared[:, :columns, None] * support.columns.T
    for index in range(len(support.fields)):
        start = anchors + columns + index * count
        diagonal = np.arange(count)
        forms[:, start + diagonal, diagonal] = squared[:, columns + index, None]
    return forms


def _grams(support: Dictionary) -> FloatArray:
    """Inner products of the support by term, ``[terms, k, k]``."""
    columns = support.columns.T
    by_column = columns[:, :, None] * columns[:, None, :]
    return np.concatenate([by_column, support.field_kernels(support)])


def _covariance(grams: FloatArray, noise: FloatArray, draws: Draws) -> FloatArray:
    """Of the support under each draw, ``[m, k, k]``."""
    terms, count = grams.shape[0], grams.shape[1]
    covariance: FloatArray = draws.scales**2 @ grams.reshape(terms, -1)
    covariance = covariance.reshape(-1, count, count)
    covariance[:, np.arange(count), np.arange(count)] += noise
    return covariance


def _evidence(
    grams: FloatArray, noise: FloatArray, residual: FloatArray, draws: Draws
) -> FloatArray:
    """Log evidence of each draw up to a constant, ``[m]``.

    The residual is the last row of a matrix whose Cholesky factor then holds the solution:
    one batched call, where a triangular solve for each draw would cost several times as much.
    """
    count = grams.shape[1]
    bordered = np.empty((len(draws), count + 1, count + 1))
    bordered[:, :count, :count] = _covariance(grams, noise, draws)
    bordered[:, count, :count] = bordered[:, :count, count] = residual[draws.anchor]
    bordered[:, count, count] = BORDER
    root = np.linalg.cholesky(bordered)
    log_determinant = np.log(root[:, np.arange(count), np.arange(count)]).sum(axis=1)
    evidence: FloatArray = -0.5 * (root[:, count, :count] ** 2).sum(axis=1) - log_determinant
    return evidence
