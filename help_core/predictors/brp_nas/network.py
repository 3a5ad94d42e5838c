"""The graph convolutional network of BRP-NAS."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class GraphNetwork(nn.Module):
    """Graph convolutions (Kipf & Welling, ICLR 2017) and a linear read-out of the global node.

    Weights are drawn uniformly within one over the root of the layer's width, as published.
    """

    def __init__(self, features: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        widths = [features, *([hidden] * layers)]
        bound = 1 / math.sqrt(hidden)
        self._weights = nn.ParameterList(
            nn.Parameter(torch.empty(inside, hidden).uniform_(-bound, bound))
            for inside in widths[:-1]
        )
        self._biases = nn.ParameterList(
            nn.Parameter(torch.empty(hidden).uniform_(-bound, bound)) for _ in range(layers)
        )
        self._norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self._dropout = nn.Dropout(dropout)
        self._out = nn.Linear(hidden, 1)

    def forward(self, adjacency: Tensor, features: Tensor) -> Tensor:
        """Outputs ``[n]`` of adjacencies ``[n, v, v]`` and features ``[n, v, f]``."""
        x = features
        last = len(self._weights) - 1
        for number, (weight, bias, norm) in enumerate(
            zip(self._weights, self._biases, self._norms, strict=True)
        ):
            # Only the global node is read, so the last convolution is made for it alone.
            rows = adjacency[:, :1] if number == last else adjacency
            x = self._dropout(torch.relu(norm((rows @ x) @ weight + bias)))
        outputs: Tensor = self._out(x[:, 0]).squeeze(-1)
        return outputs
