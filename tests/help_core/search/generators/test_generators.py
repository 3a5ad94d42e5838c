"""Where candidates come from."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from math import inf

import numpy as np
import pytest

from help_core.arrays import IntArray
from help_core.errors import BadArchitecture, BadInput, NotFound
from help_core.search.front import pareto_front
from help_core.search.generators import Judgement, Problem, generate, registry
from help_core.search.generators.registry import default_generator
from help_core.spaces import get_gene_space
from help_core.spaces.base import costs_of, sample_genes


def problem(name: str, limit_ms: float = inf, most_parameters: float = inf) -> Problem:
    """Latency goes with multiply-adds, the score with parameters and the first gene."""
    space = get_gene_space(name)

    def judge(genes: IntArray) -> Judgement:
        costs = costs_of(space, genes)
        score = costs.parameters / 1e6 + 0.1 * genes[:, 0]
        allowed = costs.parameters <= most_parameters
        return Judgement(1 + costs.multiply_adds / 1e7, np.where(allowed, score, np.nan))

    return Problem(space, judge, limit_ms)


def hypervolume(found: Judgement, worst_ms: float) -> float:
    """Area of score over log latency below the front."""
    front = pareto_front(found.latency_ms, found.score)
    latency = np.append(np.log(found.latency_ms[front]), np.log(worst_ms))
    return float((np.diff(latency) * found.score[front]).sum())


def test_evolution_finds_a_better_front_than_as_many_random_draws() -> None:
    wanted = problem("ofa")
    evolved = wanted.judge(generate("evolution", wanted, np.random.default_rng(0)))
    drawn = wanted.judge(sample_genes(wanted.space, 16_000, np.random.default_rng(0)))
    worst_ms = float(max(evolved.latency_ms.max(), drawn.latency_ms.max()))
    assert hypervolume(evolved, worst_ms) > 1.05 * hypervolume(drawn, worst_ms)
    assert evolved.score.max() > drawn.score.max()
    assert evolved.latency_ms.min() < drawn.latency_ms.min()


def test_the_same_seed_evolves_the_same_candidates_and_another_others() -> None:
    wanted = problem("fbnet")
    before = repr(np.random.get_state())  # noqa: NPY002
    first, second, other = (
        generate("evolution", wanted, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    # The caller's own random numbers are left alone.
    assert repr(np.random.get_state()) == before  # noqa: NPY002


def test_evolution_keeps_to_what_may_be_offered_and_near_the_limit() -> None:
    wanted = problem("ofa", limit_ms=20.0, most_parameters=5e6)
    genes = generate("evolution", wanted, np.random.default_rng(0))
    assert costs_of(wanted.space, genes).parameters.max() <= 5e6
    latency_ms = wanted.judge(genes).latency_ms
    assert np.median(latency_ms) <= 25.0
    assert np.array_equal(genes, wanted.space.canonical(genes))


def test_evolution_says_that_nothing_may_be_offered() -> None:
    with pytest.raises(BadInput, match="evolution found no architecture of fbnet"):
        generate("evolution", problem("fbnet", most_parameters=1), np.random.default_rng(0))


def test_the_whole_of_a_small_space_is_the_default_and_a_large_one_cannot_be_listed() -> None:
    small = problem("nasbench201")
    assert default_generator(small.space) == "exhaustive"
    assert len(generate("exhaustive", small, np.random.default_rng(0))) == 15_625
    large = problem("ofa")
    assert default_generator(large.space) == "evolution"
    with pytest.raises(BadInput, match="too large to list"):
        generate("exhaustive", large, np.random.default_rng(0))


def a_users_generator(problem: Problem, rng: np.random.Generator) -> IntArray:
    """Ten architectures, one of them twice."""
    genes = sample_genes(problem.space, 10, rng)
    return np.concatenate([genes, genes[:1]])


def a_broken_generator(problem: Problem, rng: np.random.Generator) -> IntArray:
    """Genes of another space."""
    return np.zeros((3, 2), dtype=np.int64)


def test_an_installed_generator_is_found_by_name_and_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def points(group: str, name: str | None = None) -> list[EntryPoint]:
        known = [
            EntryPoint("mine", f"{__name__}:a_users_generator", group),
            EntryPoint("broken", f"{__name__}:a_broken_generator", group),
        ]
        return [one for one in known if name in (None, one.name)]

    monkeypatch.setattr(registry, "entry_points", points)
    wanted = problem("ofa")
    assert len(generate("mine", wanted, np.random.default_rng(0))) == 10
    assert "mine" in registry.generator_names()
    with pytest.raises(BadArchitecture, match="46 genes"):
        generate("broken", wanted, np.random.default_rng(0))
    with pytest.raises(NotFound, match="known: broken, evolution, exhaustive, mine, random"):
        generate("other", wanted, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["nasbench201", "fbnet", "ofa", "hat"])
def test_costs_of_many_are_those_of_each(name: str) -> None:
    space = get_gene_space(name)
    genes = sample_genes(space, 12, np.random.default_rng(5))
    together = costs_of(space, genes)
    assert [together.of(row) for row in range(12)] == [
        space.cost(one) for one in space.from_genes(genes)
    ]
