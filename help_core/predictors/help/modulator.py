"""The z-modulator: from a hardware embedding to a change of the head's initial weights.

HELP, section 3.3: the posterior of z is a diagonal normal whose mean and deviation a small
network reads off the embedding; z scales the inputs of each layer of the head and shifts
its biases.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from help_core.predictors.help.dense import Dense

BIASES = ("head.first.bias", "head.second.bias", "head.last.bias")

WEIGHTS = ("head.first.weight", "head.device", "head.second.weight", "head.last.weight")
"""In the order in which z holds the parts of their inputs."""


class Modulator(nn.Module):
    """Posterior of z given the hardware embedding."""

    def __init__(self, references: int, hidden: int, head_width: int) -> None:
        super().__init__()
        self.size = len(BIASES) * (head_width + 1)
        self.first = Dense(references, hidden)
        self.second = Dense(hidden, 2 * self.size)

    def forward(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of z, ``[tasks, size]``, for ``[tasks, references]``."""
        statistics = self.second(torch.relu(self.first(embedding)))
        mean, spread = statistics.split(self.size, dim=-1)
        return mean, functional.softplus(spread)


def modulate(parameters: Mapping[str, Tensor], z: Tensor, scale: float) -> dict[str, Tensor]:
    """The parameters with those of the head changed for each task by ``z`` ``[tasks, size]``.

    Each weight is multiplied by ``1 + scale z`` of its input, each bias shifted by the
    ``scale z`` of its layer; z holds all weights' parts first, then one per bias.
    """
    changed = dict(parameters)
    scaled = scale * z.unsqueeze(-1)
    start = 0
    for weight in WEIGHTS:
        stop = start + parameters[weight].shape[-2]
        changed[weight] = parameters[weight] * (1 + scaled[:, start:stop])
        start = stop
    for number, bias in enumerate(BIASES, start):
        changed[bias] = parameters[bias] + scaled[:, number]
    return changed


def divergence(mean: Tensor, deviation: Tensor) -> Tensor:
    """KL divergence of diagonal normals ``[tasks, size]`` from the standard one, ``[tasks]``."""
    return 0.5 * (mean**2 + deviation**2 - 1 - 2 * torch.log(deviation)).sum(dim=-1)
