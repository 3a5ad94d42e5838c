"""HELP as a predictor: ten measurements in, latencies in ms with intervals out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadCheckpoint, BadInput
from help_core.predictors.base import Prediction, Support
from help_core.predictors.help.adapting import draw_noise, predict_tasks
from help_core.predictors.help.checkpoint import CheckpointRecord, shipped_checkpoint
from help_core.predictors.help.intervals import PriorError, RelativeError, relative_error
from help_core.predictors.help.learner import MetaLearner
from help_core.predictors.help.scaling import Scale, log_embedding, range_embedding
from help_core.spaces.base import GeneSpace, sample_genes

ROWS_AT_ONCE = 1024
MINIMUM_SUPPORT = 3


class HelpPredictor:
    """A meta-learner for one search space, ready to be adapted to a device.

    The support is the hardware embedding as far as it holds reference architectures, and
    all of it is what the inner loop fits. As published, every reference must be in it.
    """

    def __init__(
        self, space: GeneSpace, learner: MetaLearner, record: CheckpointRecord, name: str = "help"
    ) -> None:
        """Raises ``BadCheckpoint`` if the checkpoint is of another search space."""
        if record.space != space.name:
            raise BadCheckpoint(
                f"the checkpoint is for the search space {record.space!r}, not {space.name!r}"
            )
        self._space = space
        self._learner = learner.eval()
        self._settings = learner.settings
        self._prior = PriorError.of_devices(record.error.values(), record.bias.values())
        self._references = space.to_genes(space.reference_architectures())
        self._name = name

    @classmethod
    def shipped(cls, space: GeneSpace) -> HelpPredictor:
        """With the checkpoint that the package brings; raises ``NotFound`` if it brings none."""
        return cls(space, *shipped_checkpoint(space.name))

    @property
    def name(self) -> str:
        """As on the command line."""
        return self._name

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        """The reference architectures first, then random ones; ``[count, genes]``."""
        known = {row.tobytes() for row in self._references}
        drawn = sample_genes(self._space, count + len(known), rng)
        others = [row for row in drawn if row.tobytes() not in known]
        return np.stack([*self._references, *others])[:count]

    def adapt(self, support: Support, rng: np.random.Generator) -> AdaptedHelp:
        """The predictor of one device; raises ``BadInput`` if the support is too small."""
        if len(support) < MINIMUM_SUPPORT:
            raise BadInput(
                f"help needs {MINIMUM_SUPPORT} or more measurements to adapt, got {len(support)}"
            )
        scale = Scale.of_support(support.latency_ms, self._settings.labels)
        embedding = self._embedding(support)
        x = self._features(support.genes)
        y = torch.from_numpy(scale.to_labels(support.latency_ms)).float()
        noise = draw_noise(self._learner, rng)
        samples = len(noise)
        embeddings = embedding.expand(samples, -1)
        xs, ys = x.expand(samples, -1, -1), y.expand(samples, -1)
        with torch.no_grad():
            weights, _ = self._learner.adapt(embeddings, xs, ys, noise)
            offset = self._learner.offset(weights, embeddings, xs, ys)
        left_out = self._left_out_errors(support, scale, noise)
        return AdaptedHelp(
            space=self._space,
            learner=self._learner,
            weights=weights,
            offset=offset,
            embedding=embedding,
            scale=scale,
            error=relative_error(self._prior, left_out),
        )

    def _features(self, genes: IntArray) -> Tensor:
        return torch.from_numpy(self._space.features(genes, "help")).float()

    def _embedding(self, support: Support) -> Tensor:
        """The hardware embedding ``[references]`` of what was measured."""
        latency: FloatArray = np.full(len(self._references), np.nan)
        canonical = self._space.canonical(support.genes)
        for number, reference in enumerate(self._space.canonical(self._references)):
            rows = np.flatnonzero((canonical == reference).all(axis=1))
            if rows.size:
                latency[number] = np.median(support.latency_ms[rows])
        if self._settings.labels == "log":
            center = self._learner.embedding_center.double().numpy()
            return torch.from_numpy(log_embedding(latency, center)).float()
        if self._settings.uses_embedding and np.isnan(latency).any():
            raise BadInput(
                f"help as published needs all {len(latency)} reference architectures measured;"
                f" {int(np.isnan(latency).sum())} are missing from the support"
            )
        return torch.from_numpy(range_embedding(latency)).float()

    def _left_out_errors(self, support: Support, scale: Scale, noise: Tensor) -> FloatArray:
        """Log of true over predicted latency of each support architecture from the others."""
        count = len(support)
        others = ~np.eye(count, dtype=bool)
        rest = np.broadcast_to(np.arange(count), (count, count))[others].reshape(count, count - 1)
        x = self._features(support.genes)
        y = torch.from_numpy(scale.to_labels(support.latency_ms)).float()
        if self._settings.labels == "log":
            without = [Support(support.genes[rows], support.latency_ms[rows]) for rows in rest]
            embedding = torch.stack([self._embedding(part) for part in without])
        else:
            # As published the embedding has no gaps, so it keeps what the support leaves out.
            embedding = self._embedding(support).expand(count, -1)
        samples = predict_tasks(
            self._learner,
            embedding,
            x[rest],
            y[rest],
            x.unsqueeze(1),
            noise.unsqueeze(1).expand(-1, count, -1),
        )
        predicted = scale.to_ms(samples.mean(dim=0).squeeze(-1).double().numpy())
        errors: FloatArray = np.log(support.latency_ms / predicted)
        return errors


@dataclass(frozen=True, slots=True)
class AdaptedHelp:
    """HELP for one device: weights and offset for each draw of z."""

    space: GeneSpace
    learner: MetaLearner
    weights: dict[str, Tensor]
    offset: Tensor
    embedding: Tensor
    scale: Scale
    error: RelativeError

    def predict(self, genes: IntArray) -> Prediction:
        """Latencies in ms with 90 % intervals; the mean over the draws of z."""
        if not len(genes):
            return Prediction(np.empty(0), np.empty(0), np.empty(0))
        features = torch.from_numpy(self.space.features(genes, "help")).float()
        parts = [self._labels(part) for part in torch.split(features, ROWS_AT_ONCE)]
        labels = torch.cat(parts).double().numpy()
        latency = self.scale.to_ms(labels)
        factor = self.error.factor
        return Prediction(latency, latency / factor, latency * factor)

    @torch.no_grad()
    def _labels(self, features: Tensor) -> Tensor:
        draws = []
        for number, offset in enumerate(self.offset):
            weights = {name: value[number] for name, value in self.weights.items()}
            draws.append(self.learner.predict(weights, self.embedding, features) + offset)
        return torch.stack(draws).mean(dim=0)
