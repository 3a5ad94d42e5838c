"""Parameters, multiply-adds and physics of NAS-Bench-201 networks, for many cells at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.nasbench201.cell import (
    CONV1,
    CONV3,
    EDGES,
    NODES,
    OPERATIONS,
    POOL,
    SKIP,
    live_edges,
)

CHANNELS = (16, 32, 64)
CELLS_PER_STAGE = 5


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Everything of the network but its cells."""

    classes: int
    resolution: int

    def fixed_cost(self) -> tuple[int, int]:
        """Parameters and multiply-adds outside the cells, batch norms included."""
        first, last = CHANNELS[0], CHANNELS[-1]
        parameters = 9 * 3 * first + 2 * first
        multiply_adds = 9 * 3 * first * self.resolution**2
        for stage, (inside, outside) in enumerate(pairwise(CHANNELS), 1):
            pixels = (self.resolution >> stage) ** 2
            weights = 9 * inside * outside + 9 * outside * outside + inside * outside
            parameters += weights + 4 * outside
            multiply_adds += weights * pixels
        parameters += 2 * last + last * self.classes + self.classes
        return parameters, multiply_adds + last * self.classes

    def edge_cost(self) -> tuple[FloatArray, FloatArray]:
        """Parameters and multiply-adds that one edge of each operation adds; ``[5]`` each."""
        parameters = np.zeros(len(OPERATIONS))
        multiply_adds = np.zeros(len(OPERATIONS))
        for stage, channels in enumerate(CHANNELS):
            pixels = (self.resolution >> stage) ** 2
            for operation, taps in ((CONV1, 1), (CONV3, 9)):
                weights = taps * channels * channels
                parameters[operation] += CELLS_PER_STAGE * (weights + 2 * channels)
                multiply_adds[operation] += CELLS_PER_STAGE * weights * pixels
        return parameters, multiply_adds


def operation_counts(genes: IntArray, weight: IntArray | None = None) -> FloatArray:
    """How many edges have each operation, ``[n, 5]``; ``weight`` counts only some edges."""
    hot = genes[:, :, None] == np.arange(len(OPERATIONS))
    if weight is not None:
        hot = hot & (weight[:, :, None] > 0)
    counts: FloatArray = hot.sum(axis=1).astype(np.float64)
    return counts


def physics(genes: IntArray, skeleton: Skeleton) -> FloatArray:
    """What the hardware has to do, per class of work; ``[n, 15]``.

    Columns: live counts of skip, 1x1, 3x3, pool; all counts of skip, 1x1, 3x3, pool;
    additions where live edges meet; live multiply-adds in millions; live activations read
    and written, in millions; depth of the longest live path in operations and in
    convolutions; whether the cell is connected; live nodes.
    """
    live = live_edges(genes)
    live_counts = operation_counts(genes, live)
    joins, depth, conv_depth, nodes = _joins_and_depth(genes, live)
    connected = (live.sum(axis=1) > 0).astype(np.float64)
    edge_multiply_adds = skeleton.edge_cost()[1]
    activations = sum(
        CELLS_PER_STAGE * channels * (skeleton.resolution >> stage) ** 2
        for stage, channels in enumerate(CHANNELS)
    )
    moved = 2 * live_counts[:, [CONV1, CONV3, POOL]].sum(axis=1) + 3 * joins
    return np.column_stack(
        [
            live_counts[:, [SKIP, CONV1, CONV3, POOL]],
            operation_counts(genes)[:, [SKIP, CONV1, CONV3, POOL]],
            joins,
            live_counts @ edge_multiply_adds / 1e6,
            moved * activations / 1e6,
            depth,
            conv_depth,
            connected,
            nodes,
        ]
    )


def _joins_and_depth(
    genes: IntArray, live: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    count = genes.shape[0]
    incoming = np.zeros((count, NODES))
    depth = np.zeros((count, NODES))
    conv_depth = np.zeros((count, NODES))
    is_conv = (genes == CONV1) | (genes == CONV3)
    is_work = is_conv | (genes == POOL)
    for edge, (source, target) in enumerate(EDGES):
        alive = live[:, edge] > 0
        incoming[:, target] += alive
        for array, adds in ((depth, is_work), (conv_depth, is_conv)):
            reach = np.where(alive, array[:, source] + adds[:, edge], 0)
            array[:, target] = np.maximum(array[:, target], reach)
    joins = np.maximum(incoming - 1, 0).sum(axis=1)
    return joins, depth[:, -1], conv_depth[:, -1], (incoming > 0).sum(axis=1).astype(np.float64)
