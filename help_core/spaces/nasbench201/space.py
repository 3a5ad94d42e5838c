"""NAS-Bench-201 as a search space."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from help_core.arrays import BoolArray, FloatArray, IntArray
from help_core.errors import BadInput
from help_core.spaces.base import Architecture, BuildOptions, Cost, Costs, Stage
from help_core.spaces.genes import checked_genes
from help_core.spaces.nasbench201.cell import (
    EDGES,
    NODES,
    OPERATIONS,
    SKIP,
    format_cell,
    live_edges,
    parse_cell,
    useful_edges,
)
from help_core.spaces.nasbench201.costs import Skeleton, operation_counts, physics
from help_core.spaces.nasbench201.network import build_network

REFERENCE_CELLS = (
    "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
    "|skip_connect~0|+|skip_connect~0|avg_pool_3x3~1|+|none~0|skip_connect~1|none~2|",
    "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
    "|none~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|nor_conv_1x1~1|nor_conv_1x1~2|",
    "|skip_connect~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|",
    "|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|",
    "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
)
"""HELP's ten (its ``hardware_embedding_index.pt``)."""


class NasBench201:
    """15,625 cells; a genotype is the six operation indices of ``cell.OPERATIONS``."""

    gene_choices = (len(OPERATIONS),) * len(EDGES)
    feature_kinds = ("help", "physics")

    def __init__(
        self, name: str = "nasbench201", *, classes: int = 100, resolution: int = 32
    ) -> None:
        self.name = name
        self.skeleton = Skeleton(classes, resolution)

    def parse(self, text: str) -> Architecture:
        """The architecture of a NAS-Bench-201 string; raises ``BadArchitecture``."""
        cell = text.removeprefix(f"{self.name}:")
        parse_cell(cell)
        return Architecture(self.name, cell)

    def to_genes(self, architectures: Sequence[Architecture]) -> IntArray:
        """Operation indices ``[n, 6]``."""
        genes = [parse_cell(architecture.text) for architecture in architectures]
        return np.array(genes, dtype=np.int64).reshape(-1, len(EDGES))

    def from_genes(self, genes: IntArray) -> list[Architecture]:
        """The architectures of operation indices ``[n, 6]``."""
        rows = checked_genes(self.name, genes, self.gene_choices)
        return [Architecture(self.name, format_cell(tuple(row))) for row in rows.tolist()]

    def canonical(self, genes: IntArray) -> IntArray:
        """The genotypes as they are: the benchmark tells all 15,625 strings apart."""
        return genes

    def all_genes(self) -> IntArray:
        """All genotypes ``[15625, 6]``, the last edge varying fastest."""
        return np.array(list(product(range(len(OPERATIONS)), repeat=len(EDGES))), dtype=np.int64)

    def carries(self, genes: IntArray) -> BoolArray:
        """Whether some path leads from each cell's input to its output, ``[n]``."""
        live: BoolArray = live_edges(genes).sum(axis=1) > 0
        return live

    def traced(self, genes: IntArray) -> IntArray:
        """Genotypes ``[n, 6]`` with ``none`` on every edge that leads to no output."""
        traced: IntArray = genes * useful_edges(genes)
        return traced

    def pruned(self, genes: IntArray) -> IntArray:
        """Genotypes ``[n, 6]`` with ``none`` on every edge that is on no path to the output.

        Of a cell that carries nothing a lone skip is left: the network around it is the same.
        """
        pruned: IntArray = genes * live_edges(genes)
        pruned[~self.carries(genes), EDGES.index((0, NODES - 1))] = SKIP
        return pruned

    def features(self, genes: IntArray, kind: str) -> FloatArray:
        """``help``: one-hot operations ``[n, 30]``; ``physics``: see ``costs.physics``."""
        if kind == "help":
            hot = genes[:, :, None] == np.arange(len(OPERATIONS))
            one_hot: FloatArray = hot.reshape(-1, len(EDGES) * len(OPERATIONS)).astype(np.float64)
            return one_hot
        if kind == "physics":
            return physics(genes, self.skeleton)
        raise BadInput(f"{self.name} has no features {kind!r}; use {', '.join(self.feature_kinds)}")

    def cost(self, architecture: Architecture) -> Cost:
        """Of the whole cell, before dead edges are dropped."""
        return self.costs(self.to_genes([architecture])).of(0)

    def costs(self, genes: IntArray) -> Costs:
        """As ``cost``, of genotypes ``[n, 6]``."""
        counts = operation_counts(genes)
        edge_parameters, edge_multiply_adds = self.skeleton.edge_cost()
        parameters, multiply_adds = self.skeleton.fixed_cost()
        return Costs(
            parameters + np.rint(counts @ edge_parameters).astype(np.int64),
            multiply_adds + np.rint(counts @ edge_multiply_adds).astype(np.int64),
        )

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """One stage, the network at this space's resolution."""
        genes = parse_cell(architecture.text)
        return (Stage("network", build_network(genes, self.skeleton, options)),)

    def reference_architectures(self) -> tuple[Architecture, ...]:
        """HELP's ten (its ``hardware_embedding_index.pt``)."""
        return tuple(Architecture(self.name, cell) for cell in REFERENCE_CELLS)
