"""The steps of FBNet's blocks."""

from __future__ import annotations

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.fbnet.layers import LAYERS, OPERATIONS, Layer, Operation, Skeleton
from help_core.spaces.steps import Step, step_table


def layer_steps(skeleton: Skeleton) -> FloatArray:
    """Kind ``layer * operations + operation``."""
    return step_table(
        [
            _steps(layer, operation)
            for layer in skeleton.layers()
            for operation in OPERATIONS.values()
        ]
    )


def layer_kinds(genes: IntArray) -> IntArray:
    """``[n, 22]``."""
    kinds: IntArray = genes + np.arange(LAYERS) * len(OPERATIONS)
    return kinds


def _steps(layer: Layer, operation: Operation | None) -> list[Step]:
    before, after = layer.size_in**2, layer.size_out**2
    if operation is None:
        if layer.keeps_shape:
            return []
        return [_pointwise(layer.inside, layer.outside, 1, before, after)]
    middle = layer.inside * operation.expansion
    filters = middle * operation.kernel**2
    depthwise = Step(
        depthwise=filters * after,
        kernel=operation.kernel,
        inside=middle,
        outside=middle,
        pixels=after,
        activations=middle * (before + after),
        weights=filters,
    )
    steps = [
        _pointwise(layer.inside, middle, operation.groups, before, before),
        depthwise,
        _pointwise(middle, layer.outside, operation.groups, after, after),
    ]
    if layer.keeps_shape:
        count = layer.outside * after
        steps.append(
            Step(
                elementwise=count,
                inside=layer.outside,
                outside=layer.outside,
                pixels=after,
                activations=3 * count,
            )
        )
    return steps


def _pointwise(inside: int, outside: int, groups: int, before: int, after: int) -> Step:
    weights = inside * outside // groups
    work = weights * after
    return Step(
        dense=work if groups == 1 else 0,
        grouped=work if groups > 1 else 0,
        inside=inside // groups,
        outside=outside // groups,
        pixels=after,
        activations=inside * before + outside * after,
        weights=weights,
    )
