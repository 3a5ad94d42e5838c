"""An accuracy source of one's own for NAS-Bench-201."""

from __future__ import annotations

from help_core.accuracy import load_shipped_accuracy
from help_core.arrays import FloatArray, IntArray
from help_core.errors import NotFound
from help_core.spaces.base import GeneSpace

SKIP = 1
"""The choice of an edge that is a skip connection."""
LOSS_PERCENT = 3.0


class SkipAccuracy:
    """Implements ``AccuracySource``: cells with a skip connection lose three points."""

    name = "shipped model, cells with skips lose 3 points"

    def __init__(self, space: GeneSpace) -> None:
        shipped = load_shipped_accuracy(space.name)
        if shipped is None:
            raise NotFound(f"no accuracy model ships for {space.name}")
        self._shipped = shipped

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """Percent of ``[n, genes]``, ``[n]``."""
        has_skip = (genes == SKIP).any(axis=1)
        percent: FloatArray = self._shipped.accuracy_percent(genes) - LOSS_PERCENT * has_skip
        return percent
