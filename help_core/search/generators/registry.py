"""Generators by name: the built-in ones, and those that installed packages add."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

import numpy as np

from help_core.arrays import IntArray
from help_core.errors import BadInput, NotFound
from help_core.search.generators.base import Generator, Problem
from help_core.spaces.base import EnumerableSpace, GeneSpace
from help_core.spaces.genes import checked_genes

ENTRY_POINT_GROUP = "help_fleet.generators"

BUILT_IN: Mapping[str, tuple[str, str]] = {
    "exhaustive": ("plain", "exhaustive"),
    "evolution": ("evolution", "evolution"),
    "random": ("plain", "random"),
}
"""Module and function; named rather than imported, because pymoo takes a second to load."""


def generator_names() -> tuple[str, ...]:
    """The names of all generators, built-in and installed."""
    installed = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return tuple(sorted(installed | set(BUILT_IN)))


def default_generator(space: GeneSpace) -> str:
    """All of a space that can be listed; evolution in a larger one."""
    return "exhaustive" if isinstance(space, EnumerableSpace) else "evolution"


def get_generator(name: str) -> Generator:
    """The generator of that name; raises ``NotFound`` with the names that exist."""
    if name in BUILT_IN:
        module, function = BUILT_IN[name]
        built_in = import_module(f"help_core.search.generators.{module}")
        found: Generator = getattr(built_in, function)
        return found
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        installed: Generator = point.load()
        return installed
    raise NotFound(
        f"unknown generator of candidates {name[:80]!r}; known: {', '.join(generator_names())}"
    )


def check_generator(name: str, space: GeneSpace) -> None:
    """Raises ``NotFound``, or ``BadInput`` where that generator cannot work on the space."""
    get_generator(name)
    if name == "exhaustive" and not isinstance(space, EnumerableSpace):
        raise BadInput(f"{space.name} is too large to list; use the generator evolution or random")


def generate(name: str, problem: Problem, rng: np.random.Generator) -> IntArray:
    """Distinct canonical candidates ``[n, genes]``; raises what a generator gave that it cannot."""
    space = problem.space
    check_generator(name, space)
    genes = checked_genes(space.name, get_generator(name)(problem, rng), space.gene_choices)
    if not len(genes):
        raise BadInput(f"the generator {name} gave no candidates of {space.name}")
    return np.unique(space.canonical(genes), axis=0)
