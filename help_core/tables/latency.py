"""The latency table: a device x architecture matrix with gaps, in ms."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from help_core.arrays import FloatArray
from help_core.errors import BadTable, NotFound
from help_core.spaces.base import Architecture, SearchSpace
from help_core.tables.rows import parse_number, parse_row_architecture, read_rows

PARQUET_SUFFIXES = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class LatencyTable:
    """Latencies of architectures of one space on several devices.

    ``latency_ms`` is ``[architectures, devices]``; NaN is a gap, never zero.
    """

    space: str
    architectures: tuple[Architecture, ...]
    devices: tuple[str, ...]
    latency_ms: FloatArray

    def __post_init__(self) -> None:
        expected = (len(self.architectures), len(self.devices))
        if self.latency_ms.shape != expected:
            raise BadTable(f"latency table is {self.latency_ms.shape}, its labels are {expected}")

    def column(self, device: str) -> FloatArray:
        """The latencies ``[architectures]`` of one device; raises ``NotFound``."""
        if device not in self.devices:
            raise NotFound(
                f"device {device!r} is not in the latency table; it has: {', '.join(self.devices)}"
            )
        column: FloatArray = self.latency_ms[:, self.devices.index(device)]
        return column

    def select(self, devices: Sequence[str]) -> LatencyTable:
        """The table of those devices, in that order."""
        columns = [self.column(device) for device in devices]
        return LatencyTable(
            self.space, self.architectures, tuple(devices), np.column_stack(columns)
        )


def read_latency_table(path: Path, space: SearchSpace) -> LatencyTable:
    """Reads a latency table, as Parquet if the file's name ends so, otherwise as CSV.

    Raises ``BadTable`` with file, row and column.
    """
    # pyarrow comes with the coordinator only, and only Parquet needs it.
    if path.suffix.lower() in PARQUET_SUFFIXES:
        from help_core.tables.parquet import read_latency_parquet

        return read_latency_parquet(path, space)
    return read_latency_csv(path, space)


def read_latency_csv(path: Path, space: SearchSpace) -> LatencyTable:
    """Reads ``architecture,<device>…`` in ms, where an empty field is a gap.

    Raises ``BadTable`` with file, row and column.
    """
    return table_of_rows(path, space, *read_rows(path))


def table_of_rows(
    path: Path, space: SearchSpace, header: list[str], rows: Iterable[tuple[int, list[str]]]
) -> LatencyTable:
    """The table of numbered rows of text; raises ``BadTable`` with file, row and column."""
    devices = tuple(name for name in header if name != "architecture")
    if not devices or "" in devices:
        raise BadTable(f"{path}: row 1 must name at least one device after 'architecture'")
    at = header.index("architecture")
    seen: dict[Architecture, int] = {}
    values: list[list[float]] = []
    for number, row in rows:
        architecture = parse_row_architecture(path, number, row[at], space)
        if architecture in seen:
            raise BadTable(
                f"{path}: row {number}, column 'architecture': repeats the architecture of row"
                f" {seen[architecture]}"
            )
        seen[architecture] = number
        fields = [
            (name, text) for name, text in zip(header, row, strict=True) if name != "architecture"
        ]
        values.append([parse_number(path, number, name, text) for name, text in fields])
    if not values:
        raise BadTable(f"{path}: has a header and no rows")
    return LatencyTable(space.name, tuple(seen), devices, np.array(values))


def format_latency_csv(table: LatencyTable) -> str:
    """The form that ``read_latency_csv`` reads, with every digit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["architecture", *table.devices])
    for architecture, row in zip(table.architectures, table.latency_ms.tolist(), strict=True):
        writer.writerow([architecture.text, *("" if math.isnan(x) else repr(x) for x in row)])
    return text.getvalue()
