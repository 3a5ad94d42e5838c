"""The networks of HELP: an encoder of architectures, an encoder of the device, a head.

Written once each: adapted weights come in through ``torch.func.functional_call``, with a
leading dimension for the tasks of an episode (see ``dense``). Sizes are those of HELP's
``net.py``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from help_core.predictors.help.cells import CELL_FEATURES, CellEncoder
from help_core.predictors.help.dense import Dense, product


class VectorEncoder(nn.Module):
    """Two layers over a feature vector; ``[…, features]`` to ``[…, hidden]``."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.first = Dense(features, hidden)
        self.second = Dense(hidden, hidden)

    def forward(self, features: Tensor) -> Tensor:
        """Encodings ``[…, n, hidden]`` of ``[…, n, features]``."""
        return torch.relu_(self.second(torch.relu_(self.first(features))))


class Head(nn.Module):
    """Three layers to one number; the part that the modulator changes."""

    def __init__(self, hidden: int, width: int) -> None:
        """``width`` is ``hidden``, or twice that where a device is heard too."""
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.first = Dense(hidden, width, fan_in=width)
        # One layer over architecture and device side by side, kept in two parts so that the
        # device is not multiplied again for every architecture.
        self.device: nn.Parameter | None = None
        if width > hidden:
            device = torch.empty(width - hidden, width).uniform_(-bound, bound)
            self.device = nn.Parameter(device)
        self.second = Dense(width, width)
        self.last = Dense(width, 1)

    def forward(self, encodings: Tensor, device: Tensor | None) -> Tensor:
        """Scaled latencies ``[…, n]`` of encodings ``[…, n, hidden]``.

        ``device`` is ``[…, 1, hidden]``.
        """
        heard = None
        if device is not None and self.device is not None:
            heard = product(device, self.device)
        hidden = torch.relu_(self.second(torch.relu_(self.first(encodings, heard))))
        scaled: Tensor = self.last(hidden).squeeze(-1)
        return scaled


class LatencyNetwork(nn.Module):
    """Scaled latency of architectures on the device of a hardware embedding."""

    def __init__(self, encoder: nn.Module, hidden: int, references: int) -> None:
        """``references`` is 0 for a network that knows no device (MAML, Meta-SGD)."""
        super().__init__()
        self.encoder = encoder
        self.device_encoder = VectorEncoder(references, hidden) if references else None
        self.head = Head(hidden, 2 * hidden if references else hidden)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Scaled latencies ``[…, n]`` of ``[…, n, features]`` given ``[…, references]``."""
        device = None
        if self.device_encoder is not None:
            device = self.device_encoder(embedding.unsqueeze(-2))
        scaled: Tensor = self.head(self.encoder(features), device)
        return scaled


def encoder_for(feature_width: int, hidden: int) -> nn.Module:
    """HELP's encoder for features of that width: a graph for cells, layers for vectors."""
    if feature_width == CELL_FEATURES:
        return CellEncoder(hidden)
    return VectorEncoder(feature_width, hidden)
