"""The features that latency of one device is regressed on, for any gene space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.transfer.choices import one_hot
from help_core.spaces.base import GeneSpace

LINEAR_SCALE = 1.7
CURVED_SCALE = 0.5
INDUCING = 100
LENGTH_SCALE = 2.0
"""Of the smooth part, in standard deviations per physics feature."""


@dataclass(frozen=True, slots=True)
class FeatureScale:
    """Means and standard deviations of feature columns; columns that never vary are dropped."""

    mean: FloatArray
    deviation: FloatArray
    kept: IntArray

    @classmethod
    def fit(cls, values: FloatArray) -> FeatureScale:
        """From ``[n, features]``."""
        deviation = values.std(axis=0)
        kept = np.flatnonzero(deviation > 1e-9)
        return cls(values.mean(axis=0)[kept], deviation[kept], kept)

    def __call__(self, values: FloatArray) -> FloatArray:
        """Standardised columns over the square root of their number, ``[n, kept]``."""
        scaled = (values[:, self.kept] - self.mean) / self.deviation
        divided: FloatArray = scaled / np.sqrt(max(len(self.kept), 1))
        return divided


@dataclass(frozen=True, slots=True)
class Basis:
    """Choices, physics, and a smooth function of the physics.

    The smooth part is a squared-exponential Gaussian process on standardised physics, in the
    Nyström form (Williams & Seeger, NeurIPS 2000) over a sample of the architectures.
    """

    space: GeneSpace
    choices: FeatureScale
    physics: FeatureScale
    inducing: FloatArray
    root: FloatArray
    """Lower Cholesky factor of the kernel among the inducing points."""
    curved_mean: FloatArray

    @classmethod
    def fit(cls, space: GeneSpace, genes: IntArray) -> Basis:
        """Scales and inducing points from architectures ``[n, genes]`` of the space."""
        choices = FeatureScale.fit(one_hot(space, genes))
        raw = space.features(genes, "physics")
        physics = FeatureScale.fit(raw)
        scaled = physics(raw)
        unique = np.unique(scaled.round(9), axis=0)
        order = np.random.default_rng(0).permutation(len(unique))
        inducing = unique[order[:INDUCING]]
        kernel = _smooth(inducing, inducing) + 1e-6 * np.eye(len(inducing))
        root = np.linalg.cholesky(kernel).astype(np.float64)
        curved = _whiten(root, _smooth(scaled, inducing))
        return cls(space, choices, physics, inducing, root, curved.mean(axis=0))

    def parts(self, genes: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Choices ``[n, c]``, physics ``[n, p]`` and smooth functions ``[n, s]``, centred."""
        physics = self.physics(self.space.features(genes, "physics"))
        curved = _whiten(self.root, _smooth(physics, self.inducing)) - self.curved_mean
        return self.choices(one_hot(self.space, genes)), physics, curved


def joined(parts: tuple[FloatArray, FloatArray, FloatArray]) -> FloatArray:
    """The parts side by side ``[n, c + p + s]`` under the prior of a device's own table."""
    choices, physics, curved = parts
    return np.column_stack([LINEAR_SCALE * choices, LINEAR_SCALE * physics, CURVED_SCALE * curved])


def _smooth(first: FloatArray, second: FloatArray) -> FloatArray:
    # Features come divided by the root of their number, so distances are per feature.
    squared = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    kernel: FloatArray = np.exp(-np.maximum(squared, 0) / (2 * LENGTH_SCALE**2))
    return kernel


def _whiten(root: FloatArray, kernel: FloatArray) -> FloatArray:
    whitened: FloatArray = solve_triangular(root, kernel.T, lower=True).T
    return whitened
