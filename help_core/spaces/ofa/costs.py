"""Parameters, multiply-adds and physics of OFA-MobileNetV3, for many at once.

What a layer costs depends on its place, its two choices and the resolution only, so each
figure is one look-up in a table ``[resolutions, layers, kernels, expansions]``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import BoolArray, FloatArray, IntArray
from help_core.spaces.ofa.genotype import EXPANSION, KERNEL, RESOLUTION, active_layers
from help_core.spaces.ofa.layers import (
    CLASSES,
    EXPANSIONS,
    KERNELS,
    LAYERS,
    LAYERS_PER_STAGE,
    RESOLUTIONS,
    SQUEEZED,
    STAGES,
    Skeleton,
    halved,
    make_divisible,
)

WORK = (
    "dense",
    "depthwise3",
    "depthwise5",
    "depthwise7",
    "squeeze",
    "activations",
    "swish",
    "weights",
    "offsets",
)
"""Multiply-adds of pointwise and other dense convolutions, of depthwise ones by kernel, and of
squeeze-and-excitation; activations that convolutions, scalings and additions read and write;
activations through hard swish; weights; parameters of batch norms and biases."""


@dataclass(frozen=True, slots=True)
class _Places:
    """The 20 layers: ``[20]`` each, sizes ``[25, 20]``."""

    inside: IntArray
    outside: IntArray
    swish: IntArray
    squeeze: IntArray
    adds: IntArray
    before: IntArray
    """Pixels into each layer."""
    after: IntArray


def _places(skeleton: Skeleton) -> _Places:
    rows: list[tuple[int, ...]] = []
    sizes = [halved(resolution) for resolution in RESOLUTIONS]
    before: list[list[int]] = []
    after: list[list[int]] = []
    for stage in skeleton.stages():
        for position in range(LAYERS_PER_STAGE):
            inside = stage.outside if position else stage.inside
            stride = 1 if position else stage.stride
            adds = stride == 1 and inside == stage.outside
            rows.append((inside, stage.outside, stage.swish, stage.squeeze, adds))
            before.append(sizes)
            sizes = [halved(size) for size in sizes] if stride == 2 else sizes
            after.append(sizes)
    inside_, outside, swish, squeeze, adds_ = np.array(rows, dtype=np.int64).T
    return _Places(
        inside_, outside, swish, squeeze, adds_, np.array(before).T ** 2, np.array(after).T ** 2
    )


def work_table(skeleton: Skeleton) -> FloatArray:
    """Work of each layer, ``[25 resolutions, 20 layers, 3 kernels, 3 expansions, WORK]``."""
    places = _places(skeleton)
    inside, outside = places.inside[:, None, None], places.outside[:, None, None]
    before, after = places.before[:, :, None, None], places.after[:, :, None, None]
    squeeze, swish = places.squeeze[:, None, None], places.swish[:, None, None]
    adds = places.adds[:, None, None]
    kernel = np.array(KERNELS)[:, None]
    middle = _middle_channels(places.inside)[:, None, :]
    hidden = _squeezed_channels(middle)
    taps = middle * kernel**2
    excite = squeeze * 2 * middle * hidden
    moved = (inside + 2 * middle) * before + (2 * middle + outside) * after
    columns = {
        "dense": inside * middle * before + middle * outside * after,
        "squeeze": excite,
        "activations": moved + (3 * squeeze * middle + 3 * adds * outside) * after,
        "swish": swish * middle * (before + after),
        "weights": inside * middle + taps + middle * outside + excite,
        "offsets": 2 * (2 * middle + outside) + squeeze * (middle + hidden),
    }
    for size in KERNELS:
        columns[f"depthwise{size}"] = (kernel == size) * taps * after
    shape = (len(RESOLUTIONS), LAYERS, len(KERNELS), len(EXPANSIONS))
    table = [np.broadcast_to(columns[name], shape) for name in WORK]
    return np.stack(table, axis=-1).astype(np.float64)


def _middle_channels(inside: IntArray) -> IntArray:
    rows = [[make_divisible(width * ratio) for ratio in EXPANSIONS] for width in inside.tolist()]
    return np.array(rows, dtype=np.int64)


def _squeezed_channels(middle: IntArray) -> IntArray:
    flat = [make_divisible(width // 4) for width in middle.ravel().tolist()]
    return np.array(flat, dtype=np.int64).reshape(middle.shape)


def fixed_work(skeleton: Skeleton) -> FloatArray:
    """Work of stem, first block, header and classifier, ``[25 resolutions, WORK]``."""
    stem, first, header, mix = skeleton.stem, skeleton.first, skeleton.header, skeleton.mix
    last = skeleton.stages()[-1].outside
    image = np.array([resolution**2 for resolution in RESOLUTIONS])
    top = np.array([halved(resolution) ** 2 for resolution in RESOLUTIONS])
    bottom = _places(skeleton).after[:, -1]
    adds = int(stem == first)
    head = header * mix + mix * CLASSES
    columns = {
        "dense": (27 * stem + stem * first) * top + last * header * bottom + head,
        "depthwise3": 9 * stem * top,
        "depthwise5": 0 * top,
        "depthwise7": 0 * top,
        "squeeze": 0 * top,
        "activations": 3 * image
        + (4 * stem + first + 3 * adds * first) * top
        + (last + 2 * header) * bottom
        + header
        + 2 * mix
        + CLASSES,
        "swish": stem * top + header * bottom + mix,
        "weights": 0 * top + 27 * stem + 9 * stem + stem * first + last * header + head,
        "offsets": 0 * top + 2 * (2 * stem + first + header) + CLASSES,
    }
    return np.stack([columns[name] for name in WORK], axis=-1).astype(np.float64)


def total_work(genes: IntArray, table: FloatArray, fixed: FloatArray) -> FloatArray:
    """Work of whole networks, ``[n, WORK]``."""
    resolution = genes[:, RESOLUTION]
    place = np.ravel_multi_index(
        (resolution[:, None], np.arange(LAYERS), genes[:, KERNEL], genes[:, EXPANSION]),
        table.shape[:-1],
    )
    # A last row of zeros for layers beyond the depth; one layer after the other, because
    # [n, layers, WORK] at once leaves the cache and takes six times as long.
    flat = np.concatenate([table.reshape(-1, len(WORK)), np.zeros((1, len(WORK)))])
    place = np.where(active_layers(genes) > 0, place, len(flat) - 1)
    total: FloatArray = fixed[resolution]
    for layer in range(LAYERS):
        total += flat.take(place[:, layer], axis=0)
    return total


def physics(genes: IntArray, table: FloatArray, fixed: FloatArray) -> FloatArray:
    """What the hardware has to do, per class of work; ``[n, 22]``.

    Columns: the first eight of ``WORK``, in millions; layers of each kernel size (3) and of
    each expansion (3); layers in each stage (5); layers in all; pixels of the image, in
    millions; layers with squeeze-and-excitation.
    """
    active = active_layers(genes)
    work = total_work(genes, table, fixed)[:, : WORK.index("offsets")] / 1e6
    kernels = _counts(genes[:, KERNEL], len(KERNELS), active > 0)
    ratios = _counts(genes[:, EXPANSION], len(EXPANSIONS), active > 0)
    depths = active.reshape(-1, STAGES, LAYERS_PER_STAGE).sum(axis=2)
    squeezed = depths[:, [stage for stage, has in enumerate(SQUEEZED) if has]].sum(axis=1)
    pixels = np.array(RESOLUTIONS)[genes[:, RESOLUTION]] ** 2 / 1e6
    return np.column_stack([work, kernels, ratios, depths, depths.sum(axis=1), pixels, squeezed])


def _counts(choice: IntArray, choices: int, active: BoolArray) -> IntArray:
    """How many active layers ``[n, layers]`` take each choice, ``[n, choices]``."""
    columns = [((choice == each) & active).sum(axis=1) for each in range(choices)]
    return np.stack(columns, axis=1)


def help_encoding(genes: IntArray) -> FloatArray:
    """HELP's 145 inputs: kernel and expansion of each layer, and the resolution, one-hot.

    Layers beyond the depth are zeros (``arch_encoding_ofa`` of HELP's release).
    """
    hot = active_layers(genes)[:, :, None] > 0
    kernels = (genes[:, KERNEL, None] == np.arange(len(KERNELS))) & hot
    ratios = (genes[:, EXPANSION, None] == np.arange(len(EXPANSIONS))) & hot
    resolution = genes[:, RESOLUTION, None] == np.arange(len(RESOLUTIONS))
    inputs = [_flat(kernels), _flat(ratios), resolution]
    encoded: FloatArray = np.concatenate(inputs, axis=1).astype(np.float64)
    return encoded


def _flat(hot: BoolArray) -> BoolArray:
    return hot.reshape(hot.shape[0], hot.shape[1] * hot.shape[2])
