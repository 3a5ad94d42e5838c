"""Evolution towards the front of predicted latency and score.

NSGA-II (Deb et al., 2002) as pymoo implements it, over genotypes: a population is judged in
one call of the predictor. All that was judged and can be offered is a candidate, so that a
measurement which corrects the predictor finds others close by.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.crossover import Crossover
from pymoo.core.evaluator import Evaluator
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem as PymooProblem
from pymoo.core.sampling import Sampling
from pymoo.problems.static import StaticProblem

from help_core.arrays import BoolArray, FloatArray, IntArray
from help_core.errors import BadInput
from help_core.search.generators.base import Problem
from help_core.spaces.base import GeneSpace, cross_genes, mutate_genes, sample_genes

POPULATION = 200
GENERATIONS = 80
SLACK = 1.25
"""What is predicted so far above the limit may still keep it."""
MUTATED_GENES = 1.5
"""Genes of a child that are drawn anew, on average."""


def evolution(problem: Problem, rng: np.random.Generator) -> IntArray:
    """What ``GENERATIONS`` generations of NSGA-II have judged, without what nobody may have."""
    space = problem.space
    begin = sample_genes(space, POPULATION, rng)
    algorithm = NSGA2(
        pop_size=POPULATION,
        sampling=_Given(begin),
        crossover=_Uniform(space, rng),
        mutation=_Mutate(space, rng),
        eliminate_duplicates=True,
    )
    bounds = PymooProblem(
        n_var=len(space.gene_choices),
        n_obj=2,
        n_ieq_constr=1,
        xl=np.zeros(len(space.gene_choices)),
        xu=np.array(space.gene_choices) - 1.0,
    )
    algorithm.setup(
        bounds, termination=("n_gen", GENERATIONS), seed=int(rng.integers(2**31)), verbose=False
    )
    judged: list[IntArray] = []
    while algorithm.has_next():
        population = algorithm.ask()
        genes = space.canonical(np.rint(population.get("X")).astype(np.int64))
        objectives, violations, allowed = _judge(problem, genes)
        judged.append(genes[allowed])
        values = StaticProblem(bounds, F=objectives, G=violations)
        Evaluator().eval(values, population)
        algorithm.tell(infills=population)
    found = np.unique(np.concatenate(judged), axis=0)
    if not len(found):
        raise BadInput(
            f"evolution found no architecture of {space.name} that keeps the limits on"
            " parameters, multiply-adds and accuracy; relax one of them"
        )
    return found


def _judge(problem: Problem, genes: IntArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Objectives ``[n, 2]`` to minimise, violations ``[n, 1]``, and which may be offered."""
    judgement = problem.judge(genes)
    allowed = np.isfinite(judgement.score)
    latency = np.log(judgement.latency_ms)
    over = latency - np.log(SLACK * problem.limit_ms)
    score = np.where(allowed, judgement.score, 0.0)
    # What may not be offered is worse than anything that is only too slow.
    violation = np.where(allowed, np.maximum(over, 0.0), 100.0 + latency)
    return np.column_stack([latency, -score]), violation[:, None], allowed


class _Given(Sampling):  # type: ignore[misc]
    """The first population."""

    def __init__(self, genes: IntArray) -> None:
        super().__init__()
        self._genes = genes

    def _do(self, problem: Any, n_samples: int, *args: Any, **kwargs: Any) -> Any:
        return self._genes[:n_samples].astype(np.float64)


class _Uniform(Crossover):  # type: ignore[misc]
    """One child of two parents, each gene from either."""

    def __init__(self, space: GeneSpace, rng: np.random.Generator) -> None:
        super().__init__(2, 1)
        self._space, self._rng = space, rng

    def _do(self, problem: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        first, second = np.rint(X).astype(np.int64)
        return cross_genes(self._space, first, second, self._rng)[None].astype(np.float64)


class _Mutate(Mutation):  # type: ignore[misc]
    """Some genes drawn anew."""

    def __init__(self, space: GeneSpace, rng: np.random.Generator) -> None:
        super().__init__()
        self._space, self._rng = space, rng

    def _do(self, problem: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        rate = MUTATED_GENES / len(self._space.gene_choices)
        genes = np.rint(X).astype(np.int64)
        return mutate_genes(self._space, genes, rate, self._rng).astype(np.float64)
