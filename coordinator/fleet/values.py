"""Answers as arrays and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from help_core.arrays import FloatArray
from help_core.errors import BadInput
from help_core.records import TableRow

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predicted latencies with their 90 % intervals, each of shape [architectures]."""

    device: str
    predictor: str
    architectures: tuple[str, ...]
    latency_ms: FloatArray
    low_ms: FloatArray
    high_ms: FloatArray

    def to_arrow(self) -> pa.Table:
        """Columns architecture, latency_ms, low_ms, high_ms."""
        return _arrow(
            {
                "architecture": list(self.architectures),
                "latency_ms": self.latency_ms,
                "low_ms": self.low_ms,
                "high_ms": self.high_ms,
            }
        )

    def to_pandas(self) -> Any:
        """The same as a ``pandas.DataFrame``; raises ``BadInput`` where pandas is missing."""
        return _pandas(self.to_arrow())


@dataclass(frozen=True, slots=True)
class Latencies:
    """Measured or imported latencies, one row for each architecture and device."""

    rows: tuple[TableRow, ...]

    def of(self, architectures: Sequence[str], device: str) -> FloatArray:
        """Latencies in ms in that order; NaN where there is none."""
        known = {row.architecture: row.latency_ms for row in self.rows if row.device == device}
        return np.array([known.get(name, np.nan) for name in architectures], dtype=np.float64)

    def to_arrow(self) -> pa.Table:
        """Columns architecture, device, latency_ms."""
        return _arrow(
            {
                "architecture": [row.architecture for row in self.rows],
                "device": [row.device for row in self.rows],
                "latency_ms": np.array([row.latency_ms for row in self.rows], dtype=np.float64),
            }
        )

    def to_pandas(self) -> Any:
        """The same as a ``pandas.DataFrame``; raises ``BadInput`` where pandas is missing."""
        return _pandas(self.to_arrow())


def _arrow(columns: dict[str, Any]) -> pa.Table:
    import pyarrow as pa

    return pa.table(columns)


def _pandas(table: pa.Table) -> Any:
    try:
        return table.to_pandas()
    except ImportError:
        raise BadInput("pandas is not installed; run 'pip install pandas'") from None
