"""A search space of one's own: plain convolutional networks of four stages.

Each stage has 1-3 convolutions of 16-64 channels on images of 32 x 32; a name lists depth and
width of each, for example ``plain:1x16-2x32-2x48-3x64``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadArchitecture
from help_core.graphs import GraphBuilder
from help_core.spaces import Architecture, BuildOptions, Cost, Stage
from help_core.spaces.base import sample_genes

DEPTHS, WIDTHS = (1, 2, 3), (16, 32, 48, 64)
STAGES, SIDE, CLASSES = 4, 32, 10


class PlainSpace:
    """Implements ``GeneSpace``: genes are depth and width of each stage in turn."""

    name = "plain"
    gene_choices = (len(DEPTHS), len(WIDTHS)) * STAGES
    feature_kinds = ("help", "physics")

    def parse(self, text: str) -> Architecture:
        """Of ``1x16-2x32-2x48-3x64``, with or without ``plain:`` before it."""
        stages = text.removeprefix("plain:")
        found = [re.fullmatch(r"([1-3])x(16|32|48|64)", part) for part in stages.split("-")]
        if len(found) != STAGES or not all(found):
            raise BadArchitecture(
                f"plain architecture {stages[:80]!r} is not four stages like 2x32 joined by '-'"
            )
        return Architecture(self.name, stages)

    def to_genes(self, architectures: Sequence[Architecture]) -> IntArray:
        """``[n, 8]``."""
        rows = [
            [
                index
                for depth, width in _layers(one)
                for index in (DEPTHS.index(depth), WIDTHS.index(width))
            ]
            for one in architectures
        ]
        return np.array(rows, dtype=np.int64).reshape(-1, 2 * STAGES)

    def from_genes(self, genes: IntArray) -> list[Architecture]:
        """The architectures of ``[n, 8]``."""
        depths, widths = np.array(DEPTHS)[genes[:, 0::2]], np.array(WIDTHS)[genes[:, 1::2]]
        return [
            Architecture(self.name, "-".join(f"{d}x{w}" for d, w in zip(*row, strict=True)))
            for row in zip(depths.tolist(), widths.tolist(), strict=True)
        ]

    def canonical(self, genes: IntArray) -> IntArray:
        """Every choice means something here."""
        return genes

    def features(self, genes: IntArray, kind: str) -> FloatArray:
        """``help``: the genes; ``physics``: millions of multiply-adds, layers, parameters."""
        if kind == "help":
            return genes.astype(np.float64)
        costs = [self.cost(one) for one in self.from_genes(genes)]
        layers = genes[:, 0::2].sum(axis=1) + STAGES
        work = np.array([[cost.multiply_adds / 1e6, cost.parameters / 1e6] for cost in costs])
        return np.column_stack([work, layers])

    def cost(self, architecture: Architecture) -> Cost:
        """Convolutions and the classifier."""
        parameters, multiply_adds, inside, side = 0, 0, 3, SIDE
        for depth, width in _layers(architecture):
            for _ in range(depth):
                weights = 9 * inside * width
                parameters, multiply_adds = parameters + weights, multiply_adds + weights * side**2
                inside = width
            side //= 2
        return Cost(parameters + inside * CLASSES, multiply_adds + inside * CLASSES)

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """One ONNX model."""
        graph = GraphBuilder("plain", options.precision, options.seed)
        value, inside = graph.input("image", (options.batch_size, 3, SIDE, SIDE)), 3
        for stage, (depth, width) in enumerate(_layers(architecture)):
            for layer in range(depth):
                stride = 2 if stage and not layer else 1
                value = graph.relu(graph.conv(value, inside, width, 3, stride=stride))
                inside = width
        value = graph.linear(graph.flatten(graph.global_average(value)), inside, CLASSES)
        return (Stage("plain", graph.finish([(value, (options.batch_size, CLASSES))])),)

    def reference_architectures(self) -> tuple[Architecture, ...]:
        """Thirty, drawn once and for all."""
        return tuple(self.from_genes(sample_genes(self, 30, np.random.default_rng(0))))


def _layers(architecture: Architecture) -> list[tuple[int, int]]:
    pairs = [part.split("x") for part in architecture.text.split("-")]
    return [(int(depth), int(width)) for depth, width in pairs]
