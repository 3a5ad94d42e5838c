"""The architectures that an answer is chosen from, and what is known of them beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from coordinator.store import Store
from help_core.accuracy import AccuracySource
from help_core.accuracy.model import load_shipped_accuracy
from help_core.accuracy.registry import PROXIES, accuracy_names, named_accuracy
from help_core.accuracy.table import TableAccuracy
from help_core.arrays import BoolArray, FloatArray, IntArray
from help_core.errors import BadInput, NotFound, NothingMeets
from help_core.predictors.base import Predictor
from help_core.predictors.registry import DEFAULT, PredictorSource, get_predictor
from help_core.records import AdaptOrder, Objective
from help_core.search.confirm import MIN_GAIN_PERCENT
from help_core.search.generators import Judgement, Problem, generate
from help_core.search.generators.registry import default_generator
from help_core.search.goals import Goal
from help_core.spaces import Architecture, GeneSpace, get_gene_space
from help_core.spaces.base import Costs, costs_of

MIN_GAIN_SHARE = 0.01
"""Without accuracies: least gain in size worth a measurement, as a share of the most."""

ACCURACY_NAMES = ("imported", "shipped", "none")


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

    def objective(self, order: AdaptOrder) -> Objective:
        """What is sought; raises ``BadInput`` for accuracy where nothing tells it."""
        wanted = order.objective
        needs = wanted is Objective.ACCURACY or order.min_accuracy_percent
        if order.accuracy_source in PROXIES:
            _check_proxy(order)
        if needs and self.accuracy is None:
            raise BadInput(
                f"{self.space.name} has no accuracy source; import one with 'help-coord import"
                " accuracy', or ask for --objective flops, parameters or latency"
            )
        if order.min_accuracy_percent:
            return Objective.LATENCY
        if wanted is Objective.DEFAULT:
            return Objective.FLOPS if self.accuracy is None else Objective.ACCURACY
        return wanted


@dataclass(frozen=True, slots=True)
class Scorer:
    """Judges genotypes by what needs no measurement."""

    knowledge: Knowledge
    order: AdaptOrder
    objective: Objective

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """NaN where unknown; ``[n]``."""
        if self.knowledge.accuracy is None:
            return np.full(len(genes), np.nan)
        return self.knowledge.accuracy.accuracy_percent(genes)

    def score(self, genes: IntArray, accuracy_percent: FloatArray) -> FloatArray:
        """What the user wants much of; NaN where limits on paper are broken, ``[n]``.

        With latency as the objective it is the accuracy, if there is one.
        """
        costs = costs_of(self.knowledge.space, genes)
        if self.objective is Objective.FLOPS:
            score = costs.multiply_adds / 1e6
        elif self.objective is Objective.PARAMETERS:
            score = costs.parameters / 1e6
        elif self.knowledge.accuracy is None:
            score = np.zeros(len(genes))
        else:
            score = accuracy_percent
        return np.where(self._keeps(costs), score, np.nan)

    def _keeps(self, costs: Costs) -> BoolArray:
        limits = self.order.limits
        most_parameters = inf if limits.max_parameters is None else limits.max_parameters
        most_work = inf if limits.max_multiply_adds is None else limits.max_multiply_adds
        kept: BoolArray = (costs.parameters <= most_parameters) & (costs.multiply_adds <= most_work)
        return kept


@dataclass(frozen=True, slots=True)
class Field:
    """Candidates ``[n]``: genotypes, and what a user wants much of."""

    space: GeneSpace
    genes: IntArray
    accuracy_percent: FloatArray
    """NaN where unknown."""
    score: FloatArray
    """NaN where an architecture must not be offered."""
    min_gain: float
    index: dict[bytes, int]
    name: str
    """Where the candidates are from."""

    def architecture(self, index: int) -> Architecture:
        """The architecture of a row."""
        return self.space.from_genes(self.genes[index : index + 1])[0]

    def index_of(self, name: str) -> int:
        """The row of an architecture that is a candidate."""
        genes = self.space.canonical(self.space.to_genes([self.space.parse(name)]))
        return self.index[genes[0].tobytes()]

    @property
    def offered(self) -> int:
        """How many may be offered."""
        return int(np.isfinite(self.score).sum())


def load_knowledge(
    store: Store,
    space_name: str,
    predictor_name: str,
    predictors: PredictorSource = get_predictor,
    accuracy_name: str = "",
) -> Knowledge:
    """The space, its predictor (the default if no name is given) and its accuracy source.

    Accuracies that a user imported count before those that ship, unless one is named.
    Raises ``NotFound`` or ``BadInput``.
    """
    space = get_gene_space(space_name)
    predictor = predictors(predictor_name or DEFAULT, space)
    return Knowledge(space, predictor, _accuracy_source(store, space, accuracy_name))


def _accuracy_source(store: Store, space: GeneSpace, name: str) -> AccuracySource | None:
    if name not in ("", *ACCURACY_NAMES):
        if name not in accuracy_names():
            known = dict.fromkeys((*ACCURACY_NAMES, *accuracy_names()))
            raise NotFound(f"unknown accuracy source {name[:80]!r}; known: {', '.join(known)}")
        return named_accuracy(name, space)
    if name == "none":
        return None
    imported = None if name == "shipped" else _imported(store, space)
    found = imported if name == "imported" else imported or load_shipped_accuracy(space.name)
    if found is None and name:
        raise NotFound(f"{space.name} has no {name} accuracies; see 'help-coord import accuracy'")
    return found


def _imported(store: Store, space: GeneSpace) -> AccuracySource | None:
    source, rows = store.accuracies(space.name)
    if not rows:
        return None
    genes = space.to_genes([space.parse(row.architecture) for row in rows])
    return TableAccuracy(source, space, genes, np.array([row.accuracy_percent for row in rows]))


def _check_proxy(order: AdaptOrder) -> None:
    """A proxy builds and runs each network, about a second each, and its scores have no unit."""
    if not order.candidates:
        raise BadInput(
            f"--accuracy {order.accuracy_source} is a proxy that runs every network once; name the"
            " networks with --candidates FILE"
        )
    if order.min_accuracy_percent:
        raise BadInput(
            f"--accuracy {order.accuracy_source} only ranks; --min-accuracy needs percentages"
        )


def make_field(
    scorer: Scorer,
    measured: IntArray,
    latency_ms: Callable[[IntArray], FloatArray],
    goals: Sequence[Goal],
) -> Field:
    """The user's candidates or a generator's, together with what was measured.

    ``latency_ms`` predicts genotypes. Raises ``NothingMeets`` where no candidate keeps the
    limits on paper.
    """
    space, order = scorer.knowledge.space, scorer.order
    own = _own_candidates(space, order)
    name = order.candidates_name or "given"
    if own is None:
        name = order.generator or default_generator(space)

        def judge(genes: IntArray) -> Judgement:
            accuracy = scorer.accuracy_percent(genes)
            return Judgement(latency_ms(genes), scorer.score(genes, accuracy))

        limit_ms = max((goal.limit_ms for goal in goals), default=inf)
        rng = np.random.default_rng(order.seed)
        genes = generate(name, Problem(space, judge, limit_ms), rng)
    else:
        genes = own
    genes = np.unique(np.concatenate([genes, space.canonical(measured)]), axis=0)
    accuracy = scorer.accuracy_percent(genes)
    score = scorer.score(genes, accuracy)
    index = {row.tobytes(): position for position, row in enumerate(genes)}
    if own is not None:
        # What was measured to adapt is no candidate of the user.
        offered = np.zeros(len(genes), dtype=bool)
        offered[[index[row.tobytes()] for row in own]] = True
        score = np.where(offered, score, np.nan)
    field = Field(space, genes, accuracy, score, _min_gain(scorer, score), index, name)
    if not field.offered:
        raise NothingMeets(_nothing_to_offer(scorer, field))
    return field


def _own_candidates(space: GeneSpace, order: AdaptOrder) -> IntArray | None:
    if not order.candidates:
        return None
    architectures = [space.parse(text) for text in order.candidates]
    return np.unique(space.canonical(space.to_genes(architectures)), axis=0)


def _min_gain(scorer: Scorer, score: FloatArray) -> float:
    if scorer.objective in (Objective.FLOPS, Objective.PARAMETERS):
        return MIN_GAIN_SHARE * float(np.max(score[np.isfinite(score)], initial=0.0))
    return MIN_GAIN_PERCENT


def _nothing_to_offer(scorer: Scorer, field: Field) -> str:
    costs = costs_of(field.space, field.genes)
    what = f"none of {len(field.genes)} candidates of {field.space.name} ({field.name})"
    if not np.isfinite(field.accuracy_percent).any() and scorer.objective is Objective.ACCURACY:
        return f"{what} has an accuracy in {scorer.knowledge.accuracy_name!r}; import theirs"
    return (
        f"{what} keeps the limits on parameters and multiply-adds; the smallest has"
        f" {costs.parameters.min() / 1e6:.4g} M parameters and"
        f" the least work is {costs.multiply_adds.min() / 1e6:.4g} M multiply-adds"
    )
