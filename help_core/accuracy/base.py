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


@runtime_checkable
class UncertainAccuracy(AccuracySource, Protocol):
    """An accuracy source that knows how unsure it is."""

    def deviation_percent(self, genes: IntArray) -> FloatArray:
        """Standard deviation ``[n]`` of its figures, in percentage points."""


@runtime_checkable
class RankingOnly(AccuracySource, Protocol):
    """A source whose figures rank architectures and have no unit: more is better."""

    @property
    def is_proxy(self) -> bool:
        """Always true."""
