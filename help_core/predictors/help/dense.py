"""A linear layer whose weights may have one set per task."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Dense(nn.Module):
    """``x W + b`` with ``W`` ``[…, inputs, outputs]`` and ``b`` ``[…, outputs]``.

    Its own weights have no leading dimension. Those that ``torch.func.functional_call`` puts
    in their place may have one per task, as the inputs ``[…, n, inputs]`` then do: one matrix
    product adapts or queries all tasks of an episode.
    """

    def __init__(self, inputs: int, outputs: int, fan_in: int = 0) -> None:
        """Uniform within ``1 / sqrt(fan_in)``, which is ``inputs`` unless given."""
        super().__init__()
        bound = 1 / math.sqrt(fan_in or inputs)
        self.weight = nn.Parameter(torch.empty(inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """``[…, n, inputs]`` to ``[…, n, outputs]``."""
        return x @ self.weight + self.bias.unsqueeze(-2)
