"""The steps of NAS-Bench-201 cells."""

from __future__ import annotations

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.nasbench201.cell import (
    CONV1,
    CONV3,
    EDGES,
    NODES,
    NONE,
    OPERATIONS,
    POOL,
    live_edges,
)
from help_core.spaces.nasbench201.costs import CHANNELS, Skeleton
from help_core.spaces.steps import Step, step_table

DEAD = len(OPERATIONS)
JOIN = 2 * len(OPERATIONS)
KINDS = JOIN + 1
"""Of one stage: live operations, dead ones, an addition where live edges meet."""


def layer_steps(skeleton: Skeleton) -> FloatArray:
    """Kind ``stage * KINDS + kind``."""
    kinds = []
    for stage, channels in enumerate(CHANNELS):
        pixels = (skeleton.resolution >> stage) ** 2
        kinds += [_operation(place, channels, pixels, dead=False) for place in range(DEAD)]
        kinds += [_operation(place, channels, pixels, dead=True) for place in range(DEAD)]
        kinds.append([_elementwise(3, channels, pixels)])
    return step_table(kinds)


def layer_kinds(genes: IntArray) -> IntArray:
    """``[n, 27]``: for each stage six edges and three nodes' additions."""
    live = live_edges(genes) > 0
    edges = np.where(live, genes, genes + DEAD)
    targets = np.array([target for _, target in EDGES])
    incoming = np.column_stack([live[:, targets == node].sum(axis=1) for node in range(1, NODES)])
    places = np.arange(NODES - 1)
    joins = np.where(np.maximum(incoming - 1, 0).sum(axis=1)[:, None] > places, JOIN, -1)
    cell = np.column_stack([edges, joins])
    return np.column_stack(
        [np.where(cell < 0, -1, cell + stage * KINDS) for stage in range(len(CHANNELS))]
    )


def _operation(operation: int, channels: int, pixels: int, *, dead: bool) -> list[Step]:
    avoidable = int(dead)
    if operation in (CONV1, CONV3):
        taps = 1 if operation == CONV1 else 9
        weights = taps * channels**2
        return [
            Step(
                dense=weights * pixels,
                kernel=1 if operation == CONV1 else 3,
                inside=channels,
                outside=channels,
                pixels=pixels,
                activations=2 * channels * pixels,
                weights=weights,
                avoidable=avoidable,
            )
        ]
    if operation == POOL:
        return [_elementwise(2, channels, pixels, taps=9, avoidable=avoidable)]
    # A runtime without an optimiser multiplies by zero.
    return [_elementwise(2, channels, pixels, avoidable=1)] if operation == NONE else []


def _elementwise(
    passes: int, channels: int, pixels: int, *, taps: int = 1, avoidable: int = 0
) -> Step:
    """Reads and writes the whole tensor ``passes`` times in all."""
    count = channels * pixels
    return Step(
        elementwise=taps * count,
        kernel=3 if taps > 1 else 1,
        inside=channels,
        outside=channels,
        pixels=pixels,
        activations=passes * count,
        avoidable=avoidable,
    )
