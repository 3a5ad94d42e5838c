"""Fitting of the OFA accuracy model to measured top-1, in closed form."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.linalg import cho_solve, cholesky, solve_triangular

from help_core.accuracy.base import AccuracySource
from help_core.accuracy.ofa_model import (
    OFA_PHYSICS,
    OfaNumbers,
    choices_and_one,
    covariance,
    features_at_224,
    resolution_share,
)
from help_core.accuracy.once_for_all import KNOWN_RESOLUTIONS
from help_core.arrays import AnyArray, FloatArray, IntArray
from help_core.spaces.base import sample_genes
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.ofa.genotype import RESOLUTION
from help_core.spaces.ofa.layers import RESOLUTIONS

JITTER = 1e-4
"""Added to the inducing points' covariance, so that single precision suffices later."""


@dataclass(frozen=True, slots=True)
class OfaTraining:
    """How the model is fitted; the defaults are those of the shipped model.

    ``length``, ``linear`` and ``noise`` were chosen on the held-out clusters that
    ``benchmarks/accuracy_ofa.py`` scores, among a dozen combinations.
    """

    inducing: int = 512
    length: float = 1.5
    """Length scale, in deviations of a feature, times the root of the number of features."""
    linear: float = 2.25
    """Share of the linear kernel."""
    noise: float = 0.003
    """Variance of what is left unexplained, as a share of the variance of accuracy."""
    physics_weight: float = 1.41
    """How much more a physics feature counts than a choice."""
    teacher_samples: int = 2000
    """Architectures that once-for-all's predictor is asked about, each at every resolution."""


def fit_ofa_numbers(
    genes: IntArray,
    top1_percent: FloatArray,
    teacher: AccuracySource,
    options: OfaTraining,
    seed: int,
) -> OfaNumbers:
    """The model for genotypes ``[n, 46]`` at 224 pixels with measured top-1 ``[n]``."""
    features = features_at_224(genes)
    centre, scale = _standardised(features, options)
    points = ((features - centre) * scale).astype(np.float64)
    inducing = _inducing(points, options.inducing, seed)
    mean, spread = float(top1_percent.mean()), float(top1_percent.std())
    target = (top1_percent - mean) / spread
    prior = covariance(inducing, inducing, options.linear) + JITTER * np.eye(len(inducing))
    root = cholesky(prior, lower=True)
    # Whitened: prior = root rootᵀ, features of x are root⁻¹ k(x).
    whitened = solve_triangular(root, covariance(inducing, points, options.linear), lower=True)
    system = cholesky(whitened @ whitened.T + options.noise * np.eye(len(inducing)), lower=True)
    weights = cho_solve((system, True), whitened @ target)
    root_prior = solve_triangular(root, np.eye(len(root)), lower=True).T
    posterior = np.sqrt(options.noise) * solve_triangular(system, np.eye(len(root)), lower=True).T
    unexplained = spread * float(np.sqrt(np.mean((target - weights @ whitened) ** 2)))
    constants = np.array([mean, spread, options.linear, unexplained])
    return OfaNumbers(
        centre=centre,
        scale=scale,
        inducing=inducing.astype(np.float32),
        alpha=(spread * root_prior @ weights).astype(np.float32),
        root_prior=root_prior.astype(np.float32),
        root_posterior=(root_prior @ posterior).astype(np.float32),
        resolution=_resolution_effect(genes, top1_percent, teacher, options, seed),
        constants=constants,
    )


def _standardised(features: FloatArray, options: OfaTraining) -> tuple[FloatArray, FloatArray]:
    """What to subtract and multiply with; a feature that never changes counts for nothing."""
    centre, deviation = features.mean(axis=0), features.std(axis=0)
    varies = deviation > 1e-9
    weight = np.ones(features.shape[1])
    weight[-OFA_PHYSICS:] = options.physics_weight
    scale = np.where(varies, weight / np.where(varies, deviation, 1.0), 0.0)
    return centre, scale / (options.length * np.sqrt((weight[varies] ** 2).sum()))


def _inducing(points: FloatArray, count: int, seed: int) -> FloatArray:
    """Centres of clusters, which repeat no architecture of the data."""
    with warnings.catch_warnings():
        # A cluster that came out empty is left out below.
        warnings.filterwarnings("ignore", "One of the clusters is empty")
        centres, label = kmeans2(points, count, iter=4, minit="points", seed=seed)
    chosen: FloatArray = centres[np.unique(label)]
    return chosen


def _resolution_effect(
    genes: IntArray,
    top1_percent: FloatArray,
    teacher: AccuracySource,
    options: OfaTraining,
    seed: int,
) -> AnyArray:
    """``[2, c]``: a fit to the teacher's differences from 224 pixels, on the measured scale."""
    slope = np.polyfit(teacher.accuracy_percent(genes), top1_percent, 1)[0]
    space = OFAMobileNetV3()
    drawn = sample_genes(space, options.teacher_samples, np.random.default_rng(seed))
    at_top = drawn.copy()
    at_top[:, RESOLUTION] = RESOLUTIONS.index(KNOWN_RESOLUTIONS[-1])
    best = teacher.accuracy_percent(at_top)
    choices = choices_and_one(drawn)
    rows: list[FloatArray] = []
    targets: list[FloatArray] = []
    for pixels in KNOWN_RESOLUTIONS[:-1]:
        at = drawn.copy()
        at[:, RESOLUTION] = RESOLUTIONS.index(pixels)
        step = resolution_share(np.array([pixels]))[0]
        rows.append(np.concatenate([choices * step, choices * step**2], axis=1))
        targets.append(slope * (teacher.accuracy_percent(at) - best))
    inputs, target = np.concatenate(rows), np.concatenate(targets)
    ridge = inputs.T @ inputs + np.eye(inputs.shape[1])
    fitted: AnyArray = np.linalg.solve(ridge, inputs.T @ target).reshape(2, -1)
    return fitted.astype(np.float32)
