"""OFA-MobileNetV3 as a search space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.spaces.base import Architecture, BuildOptions, Cost, Costs, Stage
from help_core.spaces.genes import checked_genes
from help_core.spaces.ofa.costs import (
    WORK,
    fixed_work,
    help_encoding,
    physics,
    total_work,
    work_table,
)
from help_core.spaces.ofa.genotype import (
    GENE_CHOICES,
    canonical_genes,
    format_genes,
    genes_of_config,
    parse_genes,
)
from help_core.spaces.ofa.layers import Skeleton
from help_core.spaces.ofa.network import build_network

REFERENCE_ARCHITECTURES = (
    "r196;d4,3,3,4,2;k7755,773,775,3533,35;e3636,643,466,3443,33",
    "r172;d3,2,2,3,2;k733,53,57,375,35;e436,66,36,633,63",
    "r204;d2,2,2,2,3;k75,33,77,55,777;e44,44,63,36,364",
    "r200;d4,3,4,4,4;k3757,335,3353,7537,7553;e4336,334,6646,3666,4446",
    "r136;d2,2,2,3,2;k57,77,73,777,77;e46,46,43,644,46",
    "r224;d4,2,3,4,4;k7757,37,377,3377,3577;e6436,66,646,6643,4663",
    "r132;d4,2,4,2,3;k5573,33,7335,73,333;e6344,33,3344,33,366",
    "r152;d2,4,2,4,4;k73,3757,73,3337,7737;e36,6434,64,6343,4336",
    "r152;d2,4,3,4,4;k73,3735,555,5535,5537;e44,6364,444,3464,6333",
    "r200;d4,4,3,4,2;k3377,7777,573,3553,37;e3346,6643,633,3363,66",
)
"""HELP's ten (its ``hardware_embedding_index.pt``)."""


class OFAMobileNetV3:
    """The subnets of one width multiplier; a genotype is described in ``genotype``."""

    gene_choices = GENE_CHOICES
    feature_kinds = ("help", "physics")

    def __init__(self, name: str = "ofa", *, width: float = 1.0) -> None:
        self.name = name
        self.skeleton = Skeleton(width)

    @cached_property
    def _work(self) -> tuple[FloatArray, FloatArray]:
        return work_table(self.skeleton), fixed_work(self.skeleton)

    def parse(self, text: str) -> Architecture:
        """The architecture of a string like ``r224;d2,…;k57,…;e43,…``."""
        choices = text.removeprefix(f"{self.name}:")
        parse_genes(choices)
        return Architecture(self.name, choices)

    def from_config(self, config: Mapping[str, Any]) -> Architecture:
        """The architecture of once-for-all's ``{"ks": …, "e": …, "d": …, "r": …}``."""
        return Architecture(self.name, format_genes(genes_of_config(config)))

    def to_genes(self, architectures: Sequence[Architecture]) -> IntArray:
        """Canonical genotypes ``[n, 46]``."""
        genes = [parse_genes(architecture.text) for architecture in architectures]
        return np.array(genes, dtype=np.int64).reshape(-1, len(GENE_CHOICES))

    def from_genes(self, genes: IntArray) -> list[Architecture]:
        """The architectures of genotypes ``[n, 46]``."""
        rows = checked_genes(self.name, genes, self.gene_choices)
        return [Architecture(self.name, format_genes(row)) for row in rows.tolist()]

    def canonical(self, genes: IntArray) -> IntArray:
        """Genotypes with the choices of layers beyond the depth set to zero."""
        return canonical_genes(genes)

    def features(self, genes: IntArray, kind: str) -> FloatArray:
        """``help``: ``[n, 145]``; ``physics``: ``[n, 22]``. See ``costs``."""
        if kind == "help":
            return help_encoding(genes)
        if kind == "physics":
            return physics(genes, *self._work)
        raise BadInput(f"{self.name} has no features {kind!r}; use {', '.join(self.feature_kinds)}")

    def cost(self, architecture: Architecture) -> Cost:
        """Weights, biases and batch norms; multiply-adds of convolutions and classifier."""
        return self.costs(self.to_genes([architecture])).of(0)

    def costs(self, genes: IntArray) -> Costs:
        """As ``cost``, of genotypes ``[n, 46]``."""
        total = np.rint(total_work(genes, *self._work)).astype(np.int64)
        work = dict(zip(WORK, total.T, strict=True))
        kinds = ("dense", "depthwise3", "depthwise5", "depthwise7", "squeeze")
        multiply_adds: IntArray = np.sum([work[kind] for kind in kinds], axis=0)
        return Costs(work["weights"] + work["offsets"], multiply_adds)

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """One stage, the network at the resolution of its genotype."""
        genes = parse_genes(architecture.text)
        return (Stage("network", build_network(genes, self.skeleton, options)),)

    def reference_architectures(self) -> tuple[Architecture, ...]:
        """HELP's ten (its ``hardware_embedding_index.pt``)."""
        return tuple(Architecture(self.name, text) for text in REFERENCE_ARCHITECTURES)
