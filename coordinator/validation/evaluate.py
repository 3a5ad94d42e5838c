"""Top-1 and top-5 of a subnet, and the re-calibration of its batch norms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from coordinator.validation.images import ImageFolder, load_augmented, load_centre
from coordinator.validation.runtime import Run, load_session
from coordinator.validation.state import Counts, StateFile
from help_core.arrays import AnyArray, FloatArray, IntArray
from help_core.errors import BadInput
from help_core.spaces.ofa.layers import Skeleton
from help_core.spaces.ofa.network import resolution_of
from help_core.supernet import build_calibration, build_trained
from help_core.supernet.extract import Layer

TOP = 5
NINETY_FIVE = 1.96
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Subnet:
    """A network of the space with its weights."""

    genes: Sequence[int]
    skeleton: Skeleton
    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        """Pixels on a side of its images."""
        return resolution_of(self.genes)


def evaluate(
    subnet: Subnet,
    folder: ImageFolder,
    batch: int,
    threads: int,
    state: StateFile,
    on_progress: OnProgress,
) -> Counts:
    """Counts right answers from where ``state`` ends, and keeps them after each batch."""
    counts = state.read()
    total = len(folder.paths)
    on_progress(counts.images, total)
    if counts.images >= total:
        return counts
    run = load_session(build_trained(subnet.layers, subnet.genes, subnet.skeleton, batch), threads)
    while counts.images < total:
        chosen = slice(counts.images, min(counts.images + batch, total))
        images = [load_centre(path, subnet.size) for path in folder.paths[chosen]]
        labels = np.array(folder.labels[chosen], dtype=np.int64)
        top1, top5 = _right(_padded(run, images, batch), labels)
        counts = Counts(counts.images + len(images), counts.top1 + top1, counts.top5 + top5)
        state.write(counts)
        on_progress(counts.images, total)
    return counts


def _padded(run: Run, images: Sequence[AnyArray], batch: int) -> AnyArray:
    """Outputs of images that need not fill a batch."""
    stacked = np.zeros((batch, *images[0].shape), dtype=np.float32)
    stacked[: len(images)] = images
    return run(stacked)[0][: len(images)]


def _right(outputs: AnyArray, labels: IntArray) -> tuple[int, int]:
    """How many labels are first and among the first five; raises ``BadInput``."""
    if not np.isfinite(outputs).all():
        raise BadInput(
            "the network's outputs are not finite; are the weights of this space and width?"
        )
    own = outputs[np.arange(len(labels)), labels]
    before = np.arange(outputs.shape[1]) < labels[:, None]
    # Of equal outputs the first counts: a network that says nothing is not always right.
    ahead = (outputs > own[:, None]) | ((outputs == own[:, None]) & before)
    rank = ahead.sum(axis=1)
    return int((rank < 1).sum()), int((rank < TOP).sum())


def calibrate(
    subnet: Subnet,
    folder: ImageFolder,
    batch: int,
    threads: int,
    rng: np.random.Generator,
    on_progress: OnProgress,
) -> tuple[Layer, ...]:
    """The layers with the mean and variance of each batch norm over the folder's images.

    Each batch is normalised by its own statistics, and these are averaged, as once-for-all does.
    """
    total = len(folder.paths)
    sums: list[FloatArray] = []
    for start in range(0, total, batch):
        paths = folder.paths[start : start + batch]
        # A batch of another size needs a model of its own: padding would spoil the statistics.
        if start == 0 or len(paths) != batch:
            model = build_calibration(subnet.layers, subnet.genes, subnet.skeleton, len(paths))
            run = load_session(model, threads)
        images = np.stack([load_augmented(path, subnet.size, rng) for path in paths])
        found = [len(paths) * each.reshape(-1).astype(np.float64) for each in run(images)]
        sums = found if not sums else [a + b for a, b in zip(sums, found, strict=True)]
        on_progress(start + len(paths), total)
    statistics = iter([(each / total).astype(np.float32) for each in sums])
    return tuple(
        layer.with_statistics(next(statistics), next(statistics)) if layer.norm else layer
        for layer in subnet.layers
    )


def wilson_percent(right: int, images: int) -> tuple[float, float]:
    """95 % interval of a share, in percent (Wilson, 1927)."""
    share, squared = right / images, NINETY_FIVE**2
    centre = (share + squared / (2 * images)) / (1 + squared / images)
    spread = share * (1 - share) / images + squared / (4 * images**2)
    half = NINETY_FIVE * math.sqrt(spread) / (1 + squared / images)
    return 100 * max(centre - half, 0.0), 100 * min(centre + half, 1.0)
