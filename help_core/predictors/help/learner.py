"""The meta-learner: everything that is meta-trained, and the inner loop that adapts it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from help_core.predictors.help.modulator import Modulator, divergence, modulate
from help_core.predictors.help.networks import LatencyNetwork, encoder_for
from help_core.predictors.help.settings import HelpSettings

SLASH = "/"


class MetaLearner(nn.Module):
    """Initial weights, step sizes and modulator."""

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
        # What the references take on the average training device, as ``embedding_center``.
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
        """Weights before the inner loop, and the KL of z; ``noise`` ``[noise_size]``."""
        parameters: dict[str, Tensor] = dict(self.network.named_parameters())
        if self.modulator is None:
            return parameters, embedding.new_zeros(())
        mean, deviation = self.modulator(embedding)
        z = mean + deviation * noise
        return modulate(parameters, z, self.settings.z_scale), divergence(mean, deviation)

    def adapt(
        self, embedding: Tensor, x: Tensor, y: Tensor, noise: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The weights of one device after the inner loop, and the KL of z.

        Takes one task: ``[references]``, ``[k, features]``, ``[k]``, ``[noise_size]``. Runs
        under ``torch.func.vmap`` for many.
        """
        weights, kl = self.start(embedding, noise)
        for _ in range(self.settings.updates):
            ascents = grad(self._support_score)(weights, embedding, x, y)
            weights = {
                name: value + self._step(name, ascents[name]) for name, value in weights.items()
            }
        return weights, kl

    def predict(self, weights: Mapping[str, Tensor], embedding: Tensor, x: Tensor) -> Tensor:
        """Scaled latencies ``[n]`` of ``[n, features]`` with the weights of one device."""
        scaled: Tensor = functional_call(self.network, dict(weights), (x, embedding))
        return scaled

    def offset(
        self, weights: Mapping[str, Tensor], embedding: Tensor, x: Tensor, y: Tensor
    ) -> Tensor:
        """What must be added to predictions to meet the support on average; a scalar.

        0 for ``range`` labels, whose scale is known by other means.
        """
        if self.settings.labels == "range":
            return y.new_zeros(())
        return (y - self.predict(weights, embedding, x)).mean()

    def _support_score(
        self, weights: dict[str, Tensor], embedding: Tensor, x: Tensor, y: Tensor
    ) -> Tensor:
        """Minus the loss on the support."""
        residual = y - self.predict(weights, embedding, x)
        if self.settings.labels == "log":
            residual = residual - residual.mean()
        return -(residual**2).mean()

    def _step(self, name: str, ascent: Tensor) -> Tensor:
        if not self.settings.second_order:
            ascent = ascent.detach()
        if not self.settings.learns_step_sizes:
            return self.settings.step_size * ascent
        step: Tensor = self.step_sizes[name.replace(".", SLASH)] * ascent
        return step
