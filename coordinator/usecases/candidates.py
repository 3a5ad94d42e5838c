"""What is known of a search space before a device is asked, and its scores after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.accuracy import AccuracySource
from help_core.accuracy.model import load_shipped_accuracy
from help_core.arrays import FloatArray, IntArray
from help_core.predictors.base import AdaptedPredictor, Predictor
from help_core.predictors.registry import DEFAULT, get_predictor
from help_core.records import Pick
from help_core.search.confirm import MIN_GAIN_PERCENT, Candidates
from help_core.spaces import Architecture, EnumerableSpace, GeneSpace, get_gene_space
from help_core.spaces.base import sample_genes

SAMPLED_CANDIDATES = 20_000
"""Candidates drawn from a space that is too large to list."""


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
class Scored:
    """Candidates ``[n]`` of a device: genotypes, predictions, scores."""

    space: GeneSpace
    genes: IntArray
    candidates: Candidates
    accuracy_percent: FloatArray
    min_gain: float
    index: dict[bytes, int]

    def architecture(self, index: int) -> Architecture:
        """The architecture of a row."""
        return self.space.from_genes(self.genes[index : index + 1])[0]

    def index_of(self, name: str) -> int | None:
        """The row of an architecture, if it is a candidate."""
        genes = self.space.to_genes([self.space.parse(name)])
        return self.index.get(genes[0].tobytes())

    def pick(self, index: int, limit_ms: float, measured_ms: float | None) -> Pick:
        """A row as it is shown to the user."""
        architecture = self.architecture(index)
        cost = self.space.cost(architecture)
        prediction, accuracy = self.candidates.prediction, float(self.accuracy_percent[index])
        return Pick(
            limit_ms=limit_ms,
            architecture=str(architecture),
            predicted_ms=float(prediction.latency_ms[index]),
            low_ms=float(prediction.low_ms[index]),
            high_ms=float(prediction.high_ms[index]),
            measured_ms=measured_ms,
            accuracy_percent=accuracy if np.isfinite(accuracy) else None,
            parameters=cost.parameters,
            multiply_adds=cost.multiply_adds,
        )


def load_knowledge(space_name: str, predictor_name: str) -> Knowledge:
    """The space, its predictor (the default if no name is given) and its accuracy source."""
    space = get_gene_space(space_name)
    return Knowledge(
        space, get_predictor(predictor_name or DEFAULT, space), load_shipped_accuracy(space_name)
    )


def score_space(
    knowledge: Knowledge, adapted: AdaptedPredictor, rng: np.random.Generator
) -> Scored:
    """Predictions and scores of the whole space, or of a sample where it is too large."""
    space = knowledge.space
    if isinstance(space, EnumerableSpace):
        genes = space.all_genes()
    else:
        genes = sample_genes(space, SAMPLED_CANDIDATES, rng)
    prediction = adapted.predict(genes)
    if knowledge.accuracy is not None:
        accuracy = knowledge.accuracy.accuracy_percent(genes)
        score, min_gain = accuracy, MIN_GAIN_PERCENT
    else:
        accuracy = np.full(len(genes), np.nan)
        score = np.array([space.cost(one).multiply_adds for one in space.from_genes(genes)]) / 1e6
        min_gain = 0.01 * float(score.max())
    index = {row.tobytes(): position for position, row in enumerate(genes)}
    return Scored(space, genes, Candidates(prediction, score), accuracy, min_gain, index)
