"""The macro-architecture: operations, stages, and the shape of every searchable layer.

Widths, depths and operations are those of Wu et al. (CVPR 2019, tables 1 and 2); the
indices of the operations and the 32x32 form are those of HW-NAS-Bench (Li et al., ICLR
2021), which HELP's tables were measured on.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """An inverted residual block: pointwise, depthwise, pointwise."""

    kernel: int
    expansion: int
    groups: int = 1
    """Of both pointwise convolutions; with two, the channels are shuffled between."""


OPERATIONS: dict[str, Operation | None] = {
    "k3_e1": Operation(3, 1),
    "k3_e1_g2": Operation(3, 1, 2),
    "k3_e3": Operation(3, 3),
    "k3_e6": Operation(3, 6),
    "k5_e1": Operation(5, 1),
    "k5_e1_g2": Operation(5, 1, 2),
    "k5_e3": Operation(5, 3),
    "k5_e6": Operation(5, 6),
    "skip": None,
}
"""In the order of HELP's ``op_idx_list``. ``None`` is the identity, or a pointwise
convolution with ReLU where the layer changes the width or the resolution."""

NAMES = tuple(OPERATIONS)
SKIP = NAMES.index("skip")

STEM_CHANNELS = 16
STAGES: tuple[tuple[int, int], ...] = (
    (1, 16),
    (4, 24),
    (4, 32),
    (4, 64),
    (4, 112),
    (4, 184),
    (1, 352),
)
"""(layers, channels) of each stage."""

LAYERS = sum(depth for depth, _ in STAGES)


@dataclass(frozen=True, slots=True)
class Layer:
    """Where one searchable layer stands."""

    inside: int
    outside: int
    stride: int
    size_in: int
    """Pixels on a side of its input."""

    @property
    def size_out(self) -> int:
        """Pixels on a side of its output; padding keeps ``ceil(size_in / stride)``."""
        return -(-self.size_in // self.stride)

    @property
    def keeps_shape(self) -> bool:
        """Whether input and output have one shape, so that they can be added."""
        return self.stride == 1 and self.inside == self.outside


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Everything of the network but the chosen operations."""

    classes: int
    resolution: int
    stem_stride: int
    stage_strides: tuple[int, ...]
    header_channels: int

    @property
    def stem_size(self) -> int:
        """Pixels on a side of the stem's output."""
        return -(-self.resolution // self.stem_stride)

    def layers(self) -> tuple[Layer, ...]:
        """The 22 searchable layers in order."""
        found: list[Layer] = []
        inside, size = STEM_CHANNELS, self.stem_size
        for (depth, outside), first_stride in zip(STAGES, self.stage_strides, strict=True):
            for position in range(depth):
                layer = Layer(inside, outside, 1 if position else first_stride, size)
                found.append(layer)
                inside, size = outside, layer.size_out
        return tuple(found)


CIFAR100 = Skeleton(
    classes=100,
    resolution=32,
    stem_stride=1,
    stage_strides=(1, 1, 2, 2, 1, 2, 1),
    header_channels=1504,
)
"""The network that HELP's FBNet tables were measured on."""

IMAGENET = Skeleton(
    classes=1000,
    resolution=224,
    stem_stride=2,
    stage_strides=(1, 2, 2, 2, 1, 2, 1),
    header_channels=1504,
)
"""Wu et al. (2019), table 1. Facebook's later release of FBNet-B and -C widens the header to
1984 channels; the published multiply-adds are those of 1504."""
