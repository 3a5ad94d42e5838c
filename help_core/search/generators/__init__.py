"""Where candidates come from: the whole space, evolution, chance, or a user's generator."""

from help_core.search.generators.base import Generator, Judgement, Problem
from help_core.search.generators.registry import generate, generator_names

__all__ = ["Generator", "Judgement", "Problem", "generate", "generator_names"]
