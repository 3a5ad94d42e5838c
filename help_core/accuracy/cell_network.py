"""A network over NAS-Bench-201 cells that computes what the cell computes, on small vectors.

The input node is a learned vector. A skip passes it on, ``none`` gives zeros, and a
convolution or a pooling is a learned function of the vector (one for each operation, the
same on every edge). Nodes add. From the output node a readout gives one score for each
data set. Cells that compute the same function therefore score the same by construction,
and an edge that carries nothing counts for nothing.

Written once for numpy (inference) and torch (training): ``xp`` is the module to compute with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from help_core.spaces.nasbench201.cell import NONE, OPERATIONS

Weights: TypeAlias = Mapping[str, Any]
"""Arrays of numpy or tensors of torch, by the names of ``weight_shapes``."""

WORKERS = 3
"""1x1 convolution, 3x3 convolution, pooling: the operations with a learned function."""

_CHOICES = len(OPERATIONS)
_FIRST, _SECOND, _JOIN = np.indices((_CHOICES, _CHOICES, _CHOICES)).reshape(3, -1)
_REACHED_1 = np.arange(_CHOICES) != NONE
_REACHED_2 = (_SECOND != NONE) | (_REACHED_1[_FIRST] & (_JOIN != NONE))


def weight_shapes(width: int, hidden: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """The arrays of one network; ``width`` is the size of a node's vector."""
    return {
        "input": (width,),
        "edge_in": (WORKERS, width, hidden),
        "edge_in_bias": (WORKERS, 1, hidden),
        "edge_out": (WORKERS, hidden, width),
        "edge_out_bias": (WORKERS, 1, width),
        "read_1": (width, hidden),
        "read_1_bias": (hidden,),
        "read_2": (hidden, hidden),
        "read_2_bias": (hidden,),
        "score": (hidden, outputs),
        "score_bias": (outputs,),
    }


def scores(weights: Weights, genes: Any, xp: Any) -> Any:
    """Scores ``[n, outputs]`` of genotypes ``[n, 6]``.

    Only 125 prefixes of genes lead to the third node, so the edges are computed for those
    and looked up, however many cells are asked for.
    """
    from_input = _edge(weights, weights["input"][None, :], xp)[:, 0]
    node_1 = from_input
    from_1 = _edge(weights, node_1, xp) * _mask(_REACHED_1, node_1, xp)
    node_2 = from_input[_SECOND] + from_1[_JOIN, _FIRST]
    from_2 = _edge(weights, node_2, xp) * _mask(_REACHED_2, node_2, xp)
    prefix = (genes[:, 0] * _CHOICES + genes[:, 1]) * _CHOICES + genes[:, 2]
    output = from_input[genes[:, 3]] + from_1[genes[:, 4], genes[:, 0]]
    output = output + from_2[genes[:, 5], prefix]
    layer = _silu(output @ weights["read_1"] + weights["read_1_bias"], xp)
    layer = _silu(layer @ weights["read_2"] + weights["read_2_bias"], xp)
    return layer @ weights["score"] + weights["score_bias"]


def _edge(weights: Weights, nodes: Any, xp: Any) -> Any:
    """What each operation makes of vectors ``[m, width]``: ``[5, m, width]``."""
    hidden = _silu(nodes @ weights["edge_in"] + weights["edge_in_bias"], xp)
    worked = hidden @ weights["edge_out"] + weights["edge_out_bias"]
    # In the order of OPERATIONS: none, skip, then the workers.
    return xp.stack([nodes * 0.0, nodes, worked[0], worked[1], worked[2]], 0)


def _mask(reached: Any, like: Any, xp: Any) -> Any:
    """1 where a node has an input, in the type of ``like``; ``[m, 1]``."""
    return xp.asarray(reached[:, None], dtype=like.dtype)


def _silu(value: Any, xp: Any) -> Any:
    # By tanh, because exp overflows where a float32 weight is large.
    return value * (0.5 + 0.5 * xp.tanh(0.5 * value))
