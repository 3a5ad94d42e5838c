"""What a search space is, and what can be asked of one.

``SearchSpace`` is what every space offers, a user's folder of ONNX files included.
``GeneSpace`` adds what a space of vectors of choices can do besides: a genotype matrix
``[n, genes]`` is the batch form of ``n`` architectures, on which features, predictors and
search work without a loop over strings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import onnx

from help_core.arrays import BoolArray, FloatArray, IntArray
from help_core.errors import BadInput
from help_core.graphs.precision import PRECISIONS, Precision


@dataclass(frozen=True, slots=True, order=True)
class Architecture:
    """A network of a search space; ``str()`` is its one canonical form, ``space:text``.

    Made by ``SearchSpace.parse`` or ``GeneSpace.from_genes``, which validate it.
    """

    space: str
    text: str

    def __str__(self) -> str:
        return f"{self.space}:{self.text}"


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build the network of an architecture, beyond the architecture itself."""

    batch_size: int = 1
    precision: Precision = "fp32"
    seed: int = 0
    """Seed of the weights, which do not change latency but do change the model's hash."""

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= 4096:
            raise BadInput(f"batch size {self.batch_size} is not between 1 and 4096")
        if self.precision not in PRECISIONS:
            raise BadInput(f"precision {self.precision!r} is unknown; use {', '.join(PRECISIONS)}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One ONNX model of a built architecture, and how often one inference runs it.

    Most spaces have one stage that runs once. A transformer has an encoder that runs once
    and a decoder step that runs once per generated token.
    """

    name: str
    model: onnx.ModelProto
    runs: int = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """What an architecture costs on paper, for batch size 1."""

    parameters: int
    multiply_adds: int
    """In convolutions, matrix products and the classifier (the field's "FLOPs")."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What ``n`` architectures cost on paper; see ``Cost``."""

    parameters: IntArray
    multiply_adds: IntArray

    def of(self, row: int) -> Cost:
        """Of one architecture."""
        return Cost(int(self.parameters[row]), int(self.multiply_adds[row]))


@runtime_checkable
class SearchSpace(Protocol):
    """A set of architectures that can be named, costed and built."""

    @property
    def name(self) -> str:
        """The prefix of the canonical strings: ``nasbench201``, ``fbnet`` …"""

    def parse(self, text: str) -> Architecture:
        """The architecture that ``text`` names, with or without the ``space:`` prefix.

        Raises ``BadArchitecture`` with the offending part.
        """

    def build(self, architecture: Architecture, options: BuildOptions) -> tuple[Stage, ...]:
        """The ONNX models of the architecture."""

    def cost(self, architecture: Architecture) -> Cost:
        """Parameters and multiply-adds of the architecture as the space defines it."""

    def reference_architectures(self) -> tuple[Architecture, ...]:
        """The few that every new device measures: their latencies are its embedding."""


@runtime_checkable
class GeneSpace(SearchSpace, Protocol):
    """A search space whose architectures are vectors of choices."""

    @property
    def gene_choices(self) -> tuple[int, ...]:
        """Number of choices of each gene; gene ``i`` takes ``0 … gene_choices[i] - 1``."""

    @property
    def feature_kinds(self) -> tuple[str, ...]:
        """The names that ``features`` takes; every space has ``help`` and ``physics``."""

    def to_genes(self, architectures: Sequence[Architecture]) -> IntArray:
        """Genotypes ``[n, genes]`` of ``n`` architectures."""

    def from_genes(self, genes: IntArray) -> list[Architecture]:
        """The architectures of genotypes ``[n, genes]``; raises ``BadArchitecture``."""

    def canonical(self, genes: IntArray) -> IntArray:
        """Genotypes ``[n, genes]`` with the choices that mean nothing set to zero.

        A layer beyond the chosen depth has a kernel size that changes nothing; two
        genotypes name the same architecture exactly when their canonical forms are equal.
        """

    def features(self, genes: IntArray, kind: str) -> FloatArray:
        """Feature vectors ``[n, features]`` of genotypes ``[n, genes]``."""


@runtime_checkable
class EnumerableSpace(GeneSpace, Protocol):
    """A gene space small enough to list."""

    def all_genes(self) -> IntArray:
        """Every architecture once, as genotypes ``[size, genes]``."""


@runtime_checkable
class HollowSpace(GeneSpace, Protocol):
    """A gene space in whose architectures some parts, or all, lead from nowhere or to nowhere.

    An architecture that carries nothing from its input to its output is valid, but its
    latency says nothing of the others. What hangs loose in one is executed by a framework
    that takes the network at its word, and removed by who follows its graph.
    """

    def carries(self, genes: IntArray) -> BoolArray:
        """Whether each of ``[n, genes]`` carries its input to its output, ``[n]``."""

    def traced(self, genes: IntArray) -> IntArray:
        """Genotypes ``[n, genes]`` without the parts that lead to no output.

        That is what an exporter keeps, which follows the graph from its outputs back.
        """

    def pruned(self, genes: IntArray) -> IntArray:
        """Genotypes ``[n, genes]`` without the parts that have no effect on the output."""


@runtime_checkable
class CostedSpace(GeneSpace, Protocol):
    """A gene space that costs many architectures at once."""

    def costs(self, genes: IntArray) -> Costs:
        """Of genotypes ``[n, genes]``."""


def costs_of(space: GeneSpace, genes: IntArray) -> Costs:
    """Costs of genotypes ``[n, genes]``, one at a time where the space knows no other way."""
    if isinstance(space, CostedSpace):
        return space.costs(genes)
    found = [space.cost(architecture) for architecture in space.from_genes(genes)]
    return Costs(
        np.array([cost.parameters for cost in found], dtype=np.int64),
        np.array([cost.multiply_adds for cost in found], dtype=np.int64),
    )


def sample_genes(
    space: GeneSpace,
    count: int,
    rng: np.random.Generator,
    accept: Callable[[IntArray], BoolArray] | None = None,
) -> IntArray:
    """``count`` distinct canonical genotypes, uniform over the choices of each gene.

    ``accept`` tells of genotypes ``[n, genes]`` which ``[n]`` may be taken; those it refuses
    are drawn again. Raises ``BadInput`` if too few are found.
    """
    found: dict[bytes, IntArray] = {}
    for _ in range(200):
        draw = rng.integers(0, space.gene_choices, size=(max(count, 16), len(space.gene_choices)))
        rows = space.canonical(draw)
        for row in rows if accept is None else rows[accept(rows)]:
            found.setdefault(row.tobytes(), row)
        if len(found) >= count:
            return np.stack(list(found.values())[:count])
    raise BadInput(
        f"cannot draw {count} distinct architectures from {space.name}; it yielded {len(found)}"
    )


def mutate_genes(
    space: GeneSpace, genes: IntArray, rate: float, rng: np.random.Generator
) -> IntArray:
    """Canonical genotypes ``[n, genes]`` with each gene drawn anew with probability ``rate``."""
    fresh = rng.integers(0, space.gene_choices, size=genes.shape)
    return space.canonical(np.where(rng.random(genes.shape) < rate, fresh, genes))


def cross_genes(
    space: GeneSpace, first: IntArray, second: IntArray, rng: np.random.Generator
) -> IntArray:
    """Canonical children of two parents ``[n, genes]``, each gene from either (uniform)."""
    return space.canonical(np.where(rng.random(first.shape) < 0.5, first, second))
