"""What a predictor offers if it can choose what to measure among given architectures.

``Predictor.support_genes`` is free to name any architecture of the space. Where only some
can be measured (a table to replay, models that a device refused), the choice is among them.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from help_core.arrays import IntArray
from help_core.predictors.base import Support


@runtime_checkable
class SupportDesigner(Protocol):
    """Chooses the architectures of a support set from candidates."""

    def design(self, candidates: IntArray, count: int, rng: np.random.Generator) -> IntArray:
        """Indices ``[count]`` into ``candidates [n, genes]``, best first.

        Raises ``BadInput`` if there are fewer candidates than asked for.
        """

    def next_candidate(
        self, support: Support, candidates: IntArray, rng: np.random.Generator
    ) -> int:
        """Index into ``candidates`` of the architecture to measure after ``support``."""
