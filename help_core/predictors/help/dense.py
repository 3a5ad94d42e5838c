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

    def forward(self, x: Tensor, shift: Tensor | None = None) -> Tensor:
        """``[…, n, inputs]`` to ``[…, n, outputs]``; ``shift`` ``[…, 1, outputs]`` is added."""
        bias = self.bias.unsqueeze(-2)
        return affine(bias if shift is None else bias + shift, x, self.weight)


def affine(shift: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """``x W + shift``: of one network, or of one per task.

    With one per task it is one operation. As a product and a sum it would be six, and in
    meta-training each is differentiated twice.
    """
    if x.dim() == weight.dim() == 3:
        return torch.baddbmm(shift, x, weight)
    return x @ weight + shift


def product(x: Tensor, weight: Tensor) -> Tensor:
    """``x W``, see ``affine``."""
    if x.dim() == weight.dim() == 3:
        return torch.bmm(x, weight)
    return x @ weight
