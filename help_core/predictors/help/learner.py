"""The meta-learner: everything that is meta-trained, and the inner loop that adapts it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from help_core.predictors.help.modulator import Modulator, divergence, modulate
from help_core.predictors.help.networks import LatencyNetwork, encoder_for
from help_core.predictors.help.settings import HelpSettings

SLASH = "/"


class MetaLearner(nn.Module):
    """Initial weights, step sizes and modulator.

    Adapted weights are dictionaries of tensors ``[tasks, …]``, one set per task.
    """

    embedding_center: Tensor

    def __init__(self, settings: HelpSettings, feature_width: int) -> None:
        super().__init__()
        self.settings = settings
        self.feature_width = feature_width
        references = settings.references if settings.uses_embedding else 0
        encoder = encoder_for(feature_width, settings.hidden)
        self.network = LatencyNetwork(encoder, settings.hidden, references)
        self.modulator = (
            Modulator(references, settings.modulator_hidden, 2 * settings.hidden)
            if settings.uses_modulator
            else None
        )
        # What the references take on the average training device, see scaling.
        self.register_buffer("embedding_center", torch.zeros(settings.references))
        self.step_sizes = nn.ParameterDict()
        if settings.learns_step_sizes:
            for name, value in self.network.named_parameters():
                # A ParameterDict refuses dots in its keys.
                key = name.replace(".", SLASH)
                self.step_sizes[key] = nn.Parameter(torch.full_like(value, settings.step_size))

    @property
    def noise_size(self) -> int:
        """Length of the noise that one draw of z takes; 0 without a modulator."""
        return self.modulator.size if self.modulator is not None else 0

    def start(self, embedding: Tensor, noise: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Weights before the inner loop, and the KL of z, ``[tasks]``.

        ``embedding`` is ``[tasks, references]``, ``noise`` ``[tasks, noise_size]``.
        """
        tasks = len(embedding)
        weights: dict[str, Tensor] = dict(self.network.named_parameters())
        kl = embedding.new_zeros(tasks)
        if self.modulator is not None:
            mean, deviation = self.modulator(embedding)
            weights = modulate(weights, mean + deviation * noise, self.settings.z_scale)
            kl = divergence(mean, deviation)
        for name, value in self.network.named_parameters():
            if weights[name] is value:
                weights[name] = value.expand(tasks, *value.shape)
        return weights, kl

    def adapt(
        self, embedding: Tensor, x: Tensor, y: Tensor, noise: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The weights of devices after the inner loop, and the KL of z, ``[tasks]``.

        Takes ``[tasks, references]``, ``[tasks, k, features]``, ``[tasks, k]`` and
        ``[tasks, noise_size]``. Where torch records gradients, they reach through the loop.
        """
        through = torch.is_grad_enabled() and self.settings.second_order
        with torch.enable_grad():
            weights, kl = self.start(embedding, noise)
            for _ in range(self.settings.updates):
                score = self._support_score(weights, embedding, x, y)
                ascents = torch.autograd.grad(score, list(weights.values()), create_graph=through)
                weights = {
                    name: self._moved(name, value, ascent)
                    for (name, value), ascent in zip(weights.items(), ascents, strict=True)
                }
        if not torch.is_grad_enabled():
            weights = {name: value.detach() for name, value in weights.items()}
        return weights, kl

    def predict(self, weights: Mapping[str, Tensor], embedding: Tensor, x: Tensor) -> Tensor:
        """Scaled latencies ``[tasks, n]`` of ``[tasks, n, features]`` with adapted weights."""
        scaled: Tensor = functional_call(self.network, dict(weights), (x, embedding))
        return scaled

    def calibrated(
        self, weights: Mapping[str, Tensor], embedding: Tensor, x: Tensor, y: Tensor, query: Tensor
    ) -> Tensor:
        """Predictions ``[tasks, n]`` of ``[tasks, n, features]`` with the support's offset.

        The support ``x``, ``y`` goes through the network together with ``query``.
        """
        if self.settings.labels == "range":
            return self.predict(weights, embedding, query)
        predicted = self.predict(weights, embedding, torch.cat([x, query], dim=1))
        own, others = torch.split(predicted, [x.shape[1], query.shape[1]], dim=1)
        return others + (y - own).mean(dim=1, keepdim=True)

    def offset(
        self, weights: Mapping[str, Tensor], embedding: Tensor, x: Tensor, y: Tensor
    ) -> Tensor:
        """What must be added to predictions to meet the support on average, ``[tasks, 1]``.

        0 for ``range`` labels, whose scale is known by other means.
        """
        if self.settings.labels == "range":
            return y.new_zeros(len(y), 1)
        return (y - self.predict(weights, embedding, x)).mean(dim=1, keepdim=True)

    def _support_score(
        self, weights: dict[str, Tensor], embedding: Tensor, x: Tensor, y: Tensor
    ) -> Tensor:
        """Minus the loss on the support, summed over tasks, which share no weights."""
        residual = y - self.predict(weights, embedding, x)
        if self.settings.labels == "log":
            residual = residual - residual.mean(dim=1, keepdim=True)
        return -(residual**2).mean(dim=1).sum()

    def _moved(self, name: str, value: Tensor, ascent: Tensor) -> Tensor:
        """A weight after a step of the inner loop."""
        if not self.settings.learns_step_sizes:
            return torch.add(value, ascent, alpha=self.settings.step_size)
        return torch.addcmul(value, self.step_sizes[name.replace(".", SLASH)], ascent)
