"""The architectures that an answer is chosen from, and what is known of them beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coordinator.store import Store
from help_core.accuracy import AccuracySource
from help_core.accuracy.model import load_shipped_accuracy
from help_core.accuracy.table import TableAccuracy
from help_core.arrays import FloatArray, IntArray
from help_core.predictors.base import Predictor
from help_core.predictors.registry import DEFAULT, PredictorSource, get_predictor
from help_core.search.confirm import MIN_GAIN_PERCENT
from help_core.spaces import Architecture, EnumerableSpace, GeneSpace, get_gene_space
from help_core.spaces.base import sample_genes

SAMPLED_CANDIDATES = 20_000
"""Candidates drawn from a space that is too large to list."""

MIN_GAIN_SHARE = 0.01
"""Without accuracies: least gain in multiply-adds worth a measurement, as a share of the most."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """A search space with its predictor and, if there is one, its accuracy source."""

    space: GeneSpace
    predictor: Predictor
    accuracy: AccuracySource | None

    @property
    def accuracy_name(self) -> str:
        """Where accuracies come from; empty if nowhere."""
        return self.accuracy.name if self.accuracy is not None else ""


@dataclass(frozen=True, slots=True)
class Field:
    """Candidates ``[n]``: genotypes, and what a user wants much of."""

    space: GeneSpace
    genes: IntArray
    accuracy_percent: FloatArray
    """NaN where unknown."""
    score: FloatArray
    """Accuracy, or multiply-adds in millions where no accuracy is known."""
    min_gain: float
    index: dict[bytes, int]

    def architecture(self, index: int) -> Architecture:
        """The architecture of a row."""
        return self.space.from_genes(self.genes[index : index + 1])[0]

    def index_of(self, name: str) -> int:
        """The row of an architecture that is a candidate."""
        genes = self.space.canonical(self.space.to_genes([self.space.parse(name)]))
        return self.index[genes[0].tobytes()]


def load_knowledge(
    store: Store,
    space_name: str,
    predictor_name: str,
    predictors: PredictorSource = get_predictor,
) -> Knowledge:
    """The space, its predictor (the default if no name is given) and its accuracy source.

    Accuracies that a user imported count before those that ship. Raises ``NotFound`` or
    ``BadInput``.
    """
    space = get_gene_space(space_name)
    predictor = predictors(predictor_name or DEFAULT, space)
    return Knowledge(space, predictor, _accuracy_source(store, space))


def _accuracy_source(store: Store, space: GeneSpace) -> AccuracySource | None:
    source, rows = store.accuracies(space.name)
    if not rows:
        return load_shipped_accuracy(space.name)
    genes = space.to_genes([space.parse(row.architecture) for row in rows])
    return TableAccuracy(source, space, genes, np.array([row.accuracy_percent for row in rows]))


def make_field(knowledge: Knowledge, measured: IntArray, rng: np.random.Generator) -> Field:
    """The whole space, or a sample of a large one together with what was measured."""
    space = knowledge.space
    if isinstance(space, EnumerableSpace):
        genes = space.all_genes()
    else:
        drawn = sample_genes(space, SAMPLED_CANDIDATES, rng)
        genes = np.unique(np.concatenate([space.canonical(measured), drawn]), axis=0)
    if knowledge.accuracy is not None:
        accuracy = knowledge.accuracy.accuracy_percent(genes)
        score, min_gain = accuracy, MIN_GAIN_PERCENT
    else:
        accuracy = np.full(len(genes), np.nan)
        score = np.array([space.cost(one).multiply_adds for one in space.from_genes(genes)]) / 1e6
        min_gain = MIN_GAIN_SHARE * float(score.max())
    index = {row.tobytes(): position for position, row in enumerate(genes)}
    return Field(space, genes, accuracy, score, min_gain, index)
