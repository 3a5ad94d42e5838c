"""The networks of HELP: an encoder of architectures, an encoder of the device, a head.

Written once each. Adapted weights come in through ``torch.func.functional_call``, and many
tasks at once through ``torch.func.vmap``; sizes are those of HELP's ``net.py``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from help_core.predictors.help.cells import CELL_FEATURES, CellEncoder


class VectorEncoder(nn.Module):
    """Two layers over a feature vector; ``[n, features]`` to ``[n, hidden]``."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, hidden)

    def forward(self, features: Tensor) -> Tensor:
        """Encodings ``[n, hidden]``."""
        return torch.relu(self.second(torch.relu(self.first(features))))


class DeviceEncoder(nn.Module):
    """Two layers over a hardware embedding; ``[references]`` to ``[hidden]``."""

    def __init__(self, references: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(references, hidden)
        self.second = nn.Linear(hidden, hidden)

    def forward(self, embedding: Tensor) -> Tensor:
        """Encoding ``[hidden]``."""
        return torch.relu(self.second(torch.relu(self.first(embedding))))


class Head(nn.Module):
    """Three layers to one number; the part that the modulator changes."""

    def __init__(self, hidden: int, width: int) -> None:
        """``width`` is ``hidden``, or twice that where a device is heard too."""
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.first = nn.Linear(hidden, width)
        nn.init.uniform_(self.first.weight, -bound, bound)
        nn.init.uniform_(self.first.bias, -bound, bound)
        # One layer over architecture and device side by side, kept in two parts so that the
        # device is not multiplied again for every architecture.
        self.device = nn.Parameter(torch.empty(width, width - hidden).uniform_(-bound, bound))
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 1)

    def forward(self, encodings: Tensor, device: Tensor | None) -> Tensor:
        """Scaled latencies ``[n]`` of encodings ``[n, hidden]`` on a device ``[hidden]``."""
        first = self.first(encodings)
        if device is not None:
            first = first + self.device @ device
        hidden = torch.relu(self.second(torch.relu(first)))
        scaled: Tensor = self.last(hidden).squeeze(-1)
        return scaled


class LatencyNetwork(nn.Module):
    """Scaled latency of architectures on the device of a hardware embedding."""

    def __init__(self, encoder: nn.Module, hidden: int, references: int) -> None:
        """``references`` is 0 for a network that knows no device (MAML, Meta-SGD)."""
        super().__init__()
        self.encoder = encoder
        self.device_encoder = DeviceEncoder(references, hidden) if references else None
        self.head = Head(hidden, 2 * hidden if references else hidden)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Scaled latencies ``[n]`` of ``[n, features]`` given an embedding ``[references]``."""
        device = self.device_encoder(embedding) if self.device_encoder is not None else None
        scaled: Tensor = self.head(self.encoder(features), device)
        return scaled


def encoder_for(feature_width: int, hidden: int) -> nn.Module:
    """HELP's encoder for features of that width: a graph for cells, layers for vectors."""
    if feature_width == CELL_FEATURES:
        return CellEncoder(hidden)
    return VectorEncoder(feature_width, hidden)
