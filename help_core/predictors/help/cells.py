"""HELP's graph convolutions over NAS-Bench-201 cells, without computing anything twice.

The graph has the input, the six edges of the cell, the output and a global node that hears
all of them; an edge hears those that lead to it, and itself. What an edge knows therefore
depends on nothing but the operations on the way to it: the three edges that leave the input
have five possible states between them, the two that leave node 1 have twenty-five. Those
states form one small graph that all cells share (``shared_messages``), so a batch of cells
only computes what is left of each: the last edge, the output and the global node. The
numbers are those of the nine-node graph at a third of its price.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from help_core.predictors.help.dense import affine, product
from help_core.spaces.nasbench201.cell import EDGES, OPERATIONS

CELL_FEATURES = len(EDGES) * len(OPERATIONS)
"""Width of NAS-Bench-201's ``help`` features: the operation of each edge, one-hot."""

KINDS = len(OPERATIONS) + 3
"""Node features, one-hot: the input, five operations, the output, the global node."""

SHARED = 1 + len(OPERATIONS) + len(OPERATIONS) ** 2
"""Shared states: the input, an edge from the input, an edge from node 1."""

OWN = 3
"""What each cell has for itself: the edge 2-3, the output, the global node."""


class GraphConvolution(nn.Module):
    """Weights of one graph convolution (Kipf & Welling, ICLR 2017, equation 2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(outputs)
        self.weight = nn.Parameter(torch.empty(inputs, outputs).uniform_(-0.05, 0.05))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))


class CellEncoder(nn.Module):
    """Four graph convolutions over a cell; ``[…, n, 30]`` to ``[…, n, hidden]``.

    What the global node knows in the end is the encoding, so the last layer is computed for
    it alone.
    """

    shared_start: Tensor
    shared_messages: Tensor

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = GraphConvolution(KINDS, hidden)
        self.second = GraphConvolution(hidden, hidden)
        self.third = GraphConvolution(hidden, hidden)
        self.last = GraphConvolution(hidden, hidden)
        self.register_buffer("shared_start", shared_start(), persistent=False)
        self.register_buffer("shared_messages", shared_messages(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Encodings ``[…, n, hidden]`` of one-hot cells ``[…, n, 30]``."""
        edges = features.reshape(*features.shape[:-1], len(EDGES), len(OPERATIONS))
        heard = messages_from_shared(edges)
        own = own_start(edges)
        shared = self.shared_start
        for layer in (self.first, self.second, self.third):
            mixed = shared @ layer.weight
            bias = layer.bias.unsqueeze(-2)
            own = torch.relu_(affine(pass_on(product(own, layer.weight)), heard, mixed).add_(bias))
            shared = torch.relu_((self.shared_messages @ mixed).add_(bias))
        edge, output, whole = own.chunk(OWN, dim=-2)
        everything = affine(edge + output + whole, heard.chunk(OWN, dim=-2)[-1], shared)
        return torch.relu(affine(self.last.bias.unsqueeze(-2), everything, self.last.weight))


def pass_on(own: Tensor) -> Tensor:
    """What own nodes hear from each other; ``[…, OWN * n, hidden]``.

    The edge 2-3 hears itself; the output hears it too; the global node hears all three.
    """
    edge, output, whole = own.chunk(OWN, dim=-2)
    output = edge + output
    return torch.cat([edge, output, output + whole], dim=-2)


def shared_start() -> Tensor:
    """Features ``[SHARED, KINDS]`` of the shared nodes."""
    operations = functional.pad(torch.eye(len(OPERATIONS)), (1, 2))
    first = functional.one_hot(torch.tensor([0]), KINDS).to(operations.dtype)
    return torch.cat([first, operations, operations.repeat(len(OPERATIONS), 1)])


def shared_messages() -> Tensor:
    """Who hears whom among the shared nodes, ``[SHARED, SHARED]`` (receiver, sender)."""
    count = len(OPERATIONS)
    messages = torch.eye(SHARED)
    messages[1 : 1 + count, 0] = 1
    for node in range(1 + count, SHARED):
        messages[node, 1 + (node - 1 - count) // count] = 1
    return messages


def messages_from_shared(edges: Tensor) -> Tensor:
    """How often each own node of all cells hears each shared node, ``[…, OWN * n, SHARED]``.

    ``edges`` ``[…, n, 6, 5]`` is one-hot, in the order 0-1, 0-2, 1-2, 0-3, 1-3, 2-3.
    """
    one, two, middle, three, long, _ = edges.unbind(-2)
    nothing = torch.zeros_like(one[..., :1])
    after_middle = (one.unsqueeze(-1) * middle.unsqueeze(-2)).flatten(-2)
    after_long = (one.unsqueeze(-1) * long.unsqueeze(-2)).flatten(-2)
    last_edge = torch.cat([nothing, two, after_middle], dim=-1)
    output = torch.cat([nothing, three, after_long], dim=-1)
    whole = torch.cat([nothing + 1, one + two + three, after_middle + after_long], dim=-1)
    return torch.cat([last_edge, output, whole], dim=-2)


def own_start(edges: Tensor) -> Tensor:
    """Features ``[…, OWN * n, KINDS]`` of each cell's own nodes."""
    last_edge = functional.pad(edges[..., -1, :], (1, 2))
    output = torch.zeros_like(last_edge)
    output[..., -2] = 1
    return torch.cat([last_edge, output, output.roll(1, dims=-1)], dim=-2)
