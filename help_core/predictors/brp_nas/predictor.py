"""``brp-nas``: the latency predictor of BRP-NAS (Dudziak et al., NeurIPS 2020).

It knows no other device: all it learns, it learns from the support, of which its authors took
900 and 100 more to stop by.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.predictors.base import Prediction, Support
from help_core.predictors.brp_nas.graphs import graphs_of
from help_core.predictors.brp_nas.network import GraphNetwork
from help_core.predictors.brp_nas.training import BrpNasSettings, Samples, train
from help_core.predictors.intervals import UNKNOWN_HALF_WIDTH, relative_interval
from help_core.spaces.base import GeneSpace, sample_genes

MINIMUM_SUPPORT = 2
FEWEST_TO_VALIDATE = 10
ROWS_AT_ONCE = 512
LEAST_SHARE = 0.01
"""No network is predicted faster than this share of the mean of the support."""


@dataclass(frozen=True, slots=True)
class BrpNasPredictor:
    """A graph network that every device trains anew."""

    space: GeneSpace
    settings: BrpNasSettings = field(default_factory=BrpNasSettings)
    name: str = "brp-nas"

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        """Random architectures ``[count, genes]``, as published."""
        return sample_genes(self.space, count, rng)

    def adapt(self, support: Support, rng: np.random.Generator) -> AdaptedBrpNas:
        """Trains on the support, part of which only stops the training.

        With fewer than ten points all train, for the full number of epochs. Raises
        ``BadInput`` under 2 points.
        """
        if len(support) < MINIMUM_SUPPORT:
            raise BadInput(f"brp-nas needs at least {MINIMUM_SUPPORT} support points to train on")
        mean_ms = float(support.latency_ms.mean())
        deviation_ms = float(support.latency_ms.std()) or mean_ms
        adjacency, features = graphs_of(self.space, support.genes)
        samples = Samples(
            torch.from_numpy(adjacency).float(),
            torch.from_numpy(features).float(),
            torch.from_numpy((support.latency_ms - mean_ms) / deviation_ms).float(),
        )
        held_out = self._held_out(len(support))
        order = torch.from_numpy(rng.permutation(len(support)))
        validation = samples.take(order[:held_out]) if held_out else None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            network = train(samples.take(order[held_out:]), validation, self.settings)
        draft = AdaptedBrpNas(self.space, network, mean_ms, deviation_ms, UNKNOWN_HALF_WIDTH)
        if not held_out:
            return draft
        rows = order[:held_out].numpy()
        fitted = draft.predict(support.genes[rows]).latency_ms
        half_width = relative_interval(fitted, support.latency_ms[rows], 1)
        return AdaptedBrpNas(
            self.space, network, mean_ms, deviation_ms, min(half_width, UNKNOWN_HALF_WIDTH)
        )

    def _held_out(self, count: int) -> int:
        if count < FEWEST_TO_VALIDATE:
            return 0
        return max(2, round(self.settings.validation_share * count))


@dataclass(frozen=True, slots=True)
class AdaptedBrpNas:
    """The network of one device."""

    space: GeneSpace
    network: GraphNetwork
    mean_ms: float
    deviation_ms: float
    half_width: float

    def predict(self, genes: IntArray) -> Prediction:
        """Latencies of genotypes ``[n, genes]``."""
        starts = range(0, len(genes), ROWS_AT_ONCE)
        parts = [self._labels(genes[start : start + ROWS_AT_ONCE]) for start in starts]
        labels = np.concatenate(parts) if parts else np.empty(0)
        latency_ms = np.maximum(
            self.mean_ms + self.deviation_ms * labels, LEAST_SHARE * self.mean_ms
        )
        margin = self.half_width * latency_ms
        return Prediction(latency_ms, latency_ms - margin, latency_ms + margin)

    @torch.no_grad()
    def _labels(self, genes: IntArray) -> FloatArray:
        adjacency, features = graphs_of(self.space, genes)
        outputs = self.network(
            torch.from_numpy(adjacency).float(), torch.from_numpy(features).float()
        )
        labels: FloatArray = outputs.double().numpy()
        return labels
