"""What an accuracy source offers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from help_core.arrays import FloatArray, IntArray


@runtime_checkable
class AccuracySource(Protocol):
    """Accuracies of architectures of one search space."""

    @property
    def name(self) -> str:
        """Where the figures come from, for tables and provenance."""

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """Top-1 accuracy ``[n]`` in percent of genotypes ``[n, genes]``; NaN where unknown."""
