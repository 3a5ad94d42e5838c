"""``ridge``: a new device as a weighted sum of training devices, by ridge regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.predictors.base import Prediction, Support
from help_core.predictors.intervals import UNKNOWN_HALF_WIDTH, relative_interval
from help_core.predictors.transfer.artefact import load_shipped
from help_core.predictors.transfer.basis import Basis, joined
from help_core.predictors.transfer.tables import DeviceTables
from help_core.spaces.base import GeneSpace, sample_genes
from help_core.tables.latency import LatencyTable

PENALTIES = np.logspace(-4, 2, 13)


@dataclass(frozen=True, slots=True)
class RidgePredictor:
    """Regresses the support on the training devices' denoised latencies."""

    basis: Basis
    tables: DeviceTables
    name: str = "ridge"

    @classmethod
    def train(cls, space: GeneSpace, table: LatencyTable) -> RidgePredictor:
        """Denoises the training tables; raises ``BadInput`` if there is none."""
        if not table.devices:
            raise BadInput("ridge needs at least one training device; use transfer without any")
        genes = space.to_genes(table.architectures)
        basis = Basis.fit(space, genes)
        features = joined(basis.parts(genes))
        return cls(basis, DeviceTables.fit(table.devices, [features], table.latency_ms))

    @classmethod
    def shipped(cls, space: GeneSpace) -> RidgePredictor:
        """On the devices of the transfer artefact of the space; raises ``NotFound``."""
        knowledge, _ = load_shipped(space)
        return cls(knowledge.basis, knowledge.tables)

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        """Random architectures ``[count, genes]``."""
        return sample_genes(self.basis.space, count, rng)

    def adapt(self, support: Support, rng: np.random.Generator) -> AdaptedRidge:
        """The penalty with the least leave-one-out error; raises ``BadInput`` under 2 points."""
        if len(support) < 2:
            raise BadInput(f"ridge needs at least 2 support points, got {len(support)}")
        relative = self._relative(support.genes)
        scale_ms = float(np.median(support.latency_ms / relative.mean(axis=1)))
        weights, left_out = _fit(relative, support.latency_ms / scale_ms)
        fitted = np.maximum(scale_ms * left_out, 0.01 * scale_ms)
        # Leave-one-out residuals are honest about parameters, so only the scale counts as one.
        half_width = min(relative_interval(fitted, support.latency_ms, 1), UNKNOWN_HALF_WIDTH)
        return AdaptedRidge(self, weights, scale_ms, half_width)

    def _relative(self, genes: IntArray) -> FloatArray:
        return self.tables.predict(joined(self.basis.parts(genes)))


@dataclass(frozen=True, slots=True)
class AdaptedRidge:
    """The weights of one device."""

    parent: RidgePredictor
    weights: FloatArray
    scale_ms: float
    half_width: float

    def predict(self, genes: IntArray) -> Prediction:
        """Latencies of genotypes ``[n, genes]``."""
        relative = self.parent._relative(genes)
        latency_ms = self.scale_ms * np.maximum(_apply(relative, self.weights), 0.01)
        margin = self.half_width * latency_ms
        return Prediction(latency_ms, latency_ms - margin, latency_ms + margin)


def _apply(relative: FloatArray, weights: FloatArray) -> FloatArray:
    latency: FloatArray = relative.mean(axis=1) + relative @ weights[:-1] + weights[-1]
    return latency


def _fit(relative: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights ``[devices + 1]`` about the mean device, and leave-one-out predictions ``[k]``.

    Shrinking towards the mean device instead of zero makes a heavy penalty harmless.
    """
    mean = relative.mean(axis=1)
    x = np.column_stack([relative, np.ones(len(relative))])
    y = target - mean
    fits: list[tuple[FloatArray, FloatArray]] = []
    for penalty in PENALTIES:
        inverse = np.linalg.inv(x.T @ x + penalty * np.eye(x.shape[1]))
        weights = inverse @ (x.T @ y)
        leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
        fits.append((weights, (y - x @ weights) / np.maximum(1 - leverage, 1e-9)))
    weights, residual = min(fits, key=lambda fit: float((fit[1] ** 2).mean()))
    return weights, target - residual
