"""Parameters, multiply-adds and physics of FBNet networks, for many at once.

Every figure is a sum over layers of what the chosen operation costs there, so each is one
look-up in a table ``[layers, operations]``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.fbnet.layers import (
    LAYERS,
    NAMES,
    OPERATIONS,
    SKIP,
    STAGES,
    STEM_CHANNELS,
    Layer,
    Operation,
    Skeleton,
)


@dataclass(frozen=True, slots=True)
class Work:
    """What one operation of one layer asks of the hardware, for one image."""

    dense: int = 0
    """Multiply-adds of dense pointwise convolutions."""
    grouped: int = 0
    """Multiply-adds of pointwise convolutions in two groups."""
    depthwise3: int = 0
    """Multiply-adds of 3x3 depthwise convolutions."""
    depthwise5: int = 0
    """Multiply-adds of 5x5 depthwise convolutions."""
    activations: int = 0
    """Activations that its convolutions and additions read and write."""
    weights: int = 0
    """Convolution weights."""
    channels: int = 0
    """Output channels of its convolutions: each has a scale and an offset to learn."""
    convolutions: int = 0
    additions: int = 0
    """Residual additions."""

    @property
    def multiply_adds(self) -> int:
        """Of all its convolutions."""
        return self.dense + self.grouped + self.depthwise3 + self.depthwise5

    @property
    def parameters(self) -> int:
        """Weights and batch norms."""
        return self.weights + 2 * self.channels


def operation_work(layer: Layer, operation: Operation | None) -> Work:
    """The work of one operation (``None``: skip) at one layer."""
    before, after = layer.size_in**2, layer.size_out**2
    if operation is None:
        if layer.keeps_shape:
            return Work()
        weights = layer.inside * layer.outside
        return Work(
            dense=weights * after,
            activations=layer.inside * before + layer.outside * after,
            weights=weights,
            channels=layer.outside,
            convolutions=1,
        )
    return _block_work(layer, operation, before, after)


def _block_work(layer: Layer, operation: Operation, before: int, after: int) -> Work:
    middle = layer.inside * operation.expansion
    expand = layer.inside * middle // operation.groups
    filters = middle * operation.kernel**2
    project = middle * layer.outside // operation.groups
    pointwise = expand * before + project * after
    depthwise = filters * after
    added = layer.outside * after if layer.keeps_shape else 0
    return Work(
        dense=pointwise if operation.groups == 1 else 0,
        grouped=pointwise if operation.groups > 1 else 0,
        depthwise3=depthwise if operation.kernel == 3 else 0,
        depthwise5=depthwise if operation.kernel == 5 else 0,
        activations=(layer.inside + 2 * middle) * before
        + (2 * middle + layer.outside) * after
        + 3 * added,
        weights=expand + filters + project,
        channels=2 * middle + layer.outside,
        convolutions=3,
        additions=int(layer.keeps_shape),
    )


WORK_FIELDS = tuple(field.name for field in fields(Work))


def work_table(skeleton: Skeleton) -> FloatArray:
    """``[layers, operations, fields of Work]``."""
    rows = [
        [
            [getattr(operation_work(layer, operation), name) for name in WORK_FIELDS]
            for operation in OPERATIONS.values()
        ]
        for layer in skeleton.layers()
    ]
    return np.array(rows, dtype=np.float64)


def fixed_cost(skeleton: Skeleton) -> tuple[int, int]:
    """Parameters and multiply-adds of stem, header and classifier."""
    header, last = skeleton.header_channels, STAGES[-1][1]
    stem = 9 * 3 * STEM_CHANNELS
    pixels = skeleton.layers()[-1].size_out ** 2
    classifier = header * skeleton.classes
    parameters = stem + 2 * STEM_CHANNELS + last * header + 2 * header
    multiply_adds = stem * skeleton.stem_size**2 + last * header * pixels
    return parameters + classifier + skeleton.classes, multiply_adds + classifier


def total_work(genes: IntArray, table: FloatArray) -> FloatArray:
    """Work of the 22 layers together, ``[n, fields of Work]``."""
    total: FloatArray = table[np.arange(LAYERS), genes].sum(axis=1)
    return total


def physics(genes: IntArray, table: FloatArray) -> FloatArray:
    """What the hardware has to do, per class of work; ``[n, 17]``.

    Columns: multiply-adds, in millions, of dense pointwise, grouped pointwise, 3x3 and 5x5
    depthwise convolutions; activations read and written, and weights, in millions;
    convolutions; additions; how many layers have each operation but ``skip`` (8); depth in
    layers that do something. Stem, header and classifier are the same in every network and
    left out.
    """
    work = dict(zip(WORK_FIELDS, total_work(genes, table).T, strict=True))
    in_millions = ("dense", "grouped", "depthwise3", "depthwise5", "activations", "weights")
    counts = (genes[:, :, None] == np.arange(SKIP)).sum(axis=1)
    active = table[:, :, WORK_FIELDS.index("convolutions")] > 0
    depth = active[np.arange(LAYERS), genes].sum(axis=1)
    return np.column_stack(
        [
            *(work[name] / 1e6 for name in in_millions),
            work["convolutions"],
            work["additions"],
            counts,
            depth,
        ]
    )


def help_encoding(genes: IntArray) -> FloatArray:
    """HELP's 132 inputs: per layer, the kernel (2) and the kind of block (4), one-hot.

    ``skip`` is six zeros (``arch_enc`` of HELP's release). The kinds are, in order, e1,
    e1 in two groups, e3, e6.
    """
    kinds = (len(NAMES) - 1) // 2
    block = genes[:, :, None] != SKIP
    kernel = (genes[:, :, None] // kinds == np.arange(2)) & block
    kind = (genes[:, :, None] % kinds == np.arange(kinds)) & block
    inputs = np.concatenate([kernel, kind], axis=2)
    encoded: FloatArray = inputs.reshape(-1, LAYERS * (2 + kinds)).astype(np.float64)
    return encoded
