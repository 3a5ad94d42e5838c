"""FBNet as a search space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.spaces.base import Architecture, BuildOptions, Cost, Costs, Stage
from help_core.spaces.fbnet.costs import (
    Work,
    fixed_cost,
    help_encoding,
    physics,
    total_work,
    work_table,
)
from help_core.spaces.fbnet.layers import CIFAR100, LAYERS, NAMES, Skeleton
from help_core.spaces.fbnet.network import build_network
from help_core.spaces.fbnet.steps import layer_kinds, layer_steps
from help_core.spaces.fbnet.text import format_operations, parse_operations
from help_core.spaces.genes import checked_genes

REFERENCE_GENES = (
    "1866803437874325730137",
    "5485168530480245066005",
    "7275468066512407560332",
    "8161627168752018032254",
    "1707434661105677676312",
    "2245725722123146363201",
    "4455311042242050562525",
    "8844681803128858228148",
    "0767336174377084856851",
    "1240730564570143233306",
)
"""HELP's ten (its ``hardware_embedding_index.pt``), one operation index a digit."""


class FBNet:
    """9^22 networks; a genotype is the 22 operation indices of ``layers.OPERATIONS``."""

    gene_choices = (len(NAMES),) * LAYERS
    feature_kinds = ("help", "physics")

    def __init__(self, name: str = "fbnet", skeleton: Skeleton = CIFAR100) -> None:
        self.name = name
        self.skeleton = skeleton

    @cached_property
    def _work(self) -> FloatArray:
        return work_table(self.skeleton)

    def parse(self, text: str) -> Architecture:
        """The architecture of 22 operation names joined by ``-``."""
        operations = text.removeprefix(f"{self.name}:")
        parse_operations(operations)
        return Architecture(self.name, operations)

    def to_genes(self, architectures: Sequence[Architecture]) -> IntArray:
        """Operation indices ``[n, 22]``."""
        genes = [parse_operations(architecture.text) for architecture in architectures]
        return np.array(genes, dtype=np.int64).reshape(-1, LAYERS)

    def from_genes(self, genes: IntArray) -> list[Architecture]:
        """The architectures of operation indices ``[n, 22]``."""
        rows = checked_genes(self.name, genes, self.gene_choices)
        return [Architecture(self.name, format_operations(row)) for row in rows.tolist()]

    def canonical(self, genes: IntArray) -> IntArray:
        """The genotypes as they are: no two build the same network."""
        return genes

    def features(self, genes: IntArray, kind: str) -> FloatArray:
        """``help``: ``[n, 132]``; ``physics``: ``[n, 17]``. See ``costs``."""
        if kind == "help":
            return help_encoding(genes)
        if kind == "physics":
            return physics(genes, self._work)
        raise BadInput(f"{self.name} has no features {kind!r}; use {', '.join(self.feature_kinds)}")

    def layer_steps(self) -> FloatArray:
        """See ``SteppedSpace``."""
        return layer_steps(self.skeleton)

    def layer_kinds(self, genes: IntArray) -> IntArray:
        """One for each layer and operation, ``[n, 22]``."""
        return layer_kinds(genes)

    def cost(self, architecture: Architecture) -> Cost:
        """Weights and batch norms; multiply-adds of convolutions and classifier."""
        return self.costs(self.to_genes([architecture])).of(0)

    def costs(self, genes: IntArray) -> Costs:
        """As ``cost``, of genotypes ``[n, 22]``."""
        total = np.rint(total_work(genes, self._work)).astype(np.int64)
        column = dict(zip((field.name for field in fields(Work)), total.T, strict=True))
        kinds = ("dense", "grouped", "depthwise3", "depthwise5")
        searched: IntArray = np.sum([column[kind] for kind in kinds], axis=0)
        parameters, multiply_adds = fixed_cost(self.skeleton)
        return Costs(
            parameters + column["weights"] + 2 * column["channels"], multiply_adds + searched
        )

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """One stage, the network at this space's resolution."""
        genes = parse_operations(architecture.text)
        return (Stage("network", build_network(genes, self.skeleton, options)),)

    def reference_architectures(self) -> tuple[Architecture, ...]:
        """HELP's ten (its ``hardware_embedding_index.pt``)."""
        return tuple(
            Architecture(self.name, format_operations([int(digit) for digit in digits]))
            for digits in REFERENCE_GENES
        )
