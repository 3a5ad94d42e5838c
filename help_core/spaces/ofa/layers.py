"""The macro-architecture of OFA-MobileNetV3: choices, stages, and widths by multiplier.

Figures of Cai et al. (ICLR 2020) as in the authors' release, once-for-all.
"""

from __future__ import annotations

from dataclasses import dataclass

KERNELS = (3, 5, 7)
EXPANSIONS = (3, 4, 6)
DEPTHS = (2, 3, 4)
RESOLUTIONS = tuple(range(128, 225, 4))

STAGES = 5
LAYERS_PER_STAGE = max(DEPTHS)
LAYERS = STAGES * LAYERS_PER_STAGE

CLASSES = 1000
_DIVISOR = 8


def make_divisible(value: float) -> int:
    """The multiple of 8 next to ``value``, never more than 10 % below it (MobileNetV2)."""
    rounded = max(_DIVISOR, int(value + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return rounded + _DIVISOR if rounded < 0.9 * value else rounded


@dataclass(frozen=True, slots=True)
class StageShape:
    """What the blocks of one searched stage have in common."""

    inside: int
    """Channels into its first block."""
    outside: int
    stride: int
    """Of its first block."""
    swish: bool
    """Hard swish after its convolutions, otherwise ReLU."""
    squeeze: bool
    """Squeeze-and-excitation after its depthwise convolutions."""


_STRIDES = (2, 2, 2, 1, 2)
_SWISH = (False, False, True, True, True)
SQUEEZED = (False, True, False, True, True)
"""Which stages have squeeze-and-excitation."""

_STEM_CHANNELS, _FIRST_CHANNELS = 16, 16
_STAGE_CHANNELS = (24, 40, 80, 112, 160)
_HEADER_CHANNELS, _MIX_CHANNELS = 960, 1280


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Everything of the network but the choices, for one width multiplier."""

    width: float = 1.0

    @property
    def stem(self) -> int:
        """Channels of the first convolution."""
        return make_divisible(_STEM_CHANNELS * self.width)

    @property
    def first(self) -> int:
        """Channels of the first block, which has no choices."""
        return make_divisible(_FIRST_CHANNELS * self.width)

    @property
    def header(self) -> int:
        """Channels of the convolution before the pooling."""
        return make_divisible(_HEADER_CHANNELS * self.width)

    @property
    def mix(self) -> int:
        """Channels of the convolution after the pooling."""
        return make_divisible(_MIX_CHANNELS * self.width)

    def stages(self) -> tuple[StageShape, ...]:
        """The five searched stages."""
        widths = [make_divisible(channels * self.width) for channels in _STAGE_CHANNELS]
        before = [self.first, *widths]
        rows = zip(before, widths, _STRIDES, _SWISH, SQUEEZED, strict=False)
        return tuple(StageShape(*row) for row in rows)


def halved(size: int) -> int:
    """Pixels on a side after a convolution with stride 2."""
    return -(-size // 2)
