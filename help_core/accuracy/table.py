"""Accuracies from a user's table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadTable
from help_core.spaces.base import Architecture, GeneSpace
from help_core.tables.rows import parse_percent, parse_row_architecture, read_rows

FRACTION_LIMIT = 1.0


class TableAccuracy:
    """An accuracy source that looks architectures up; the rest of the space is NaN."""

    def __init__(self, name: str, space: GeneSpace, genes: IntArray, accuracy: FloatArray) -> None:
        """``genes`` ``[n, genes]`` with accuracies ``[n]`` in percent."""
        self.name = name
        self._space = space
        keys = (row.tobytes() for row in self._canonical(genes))
        self._accuracy = dict(zip(keys, accuracy.tolist(), strict=True))

    def items(self) -> list[tuple[Architecture, float]]:
        """The architectures that have an accuracy, each with it in percent."""
        width = len(self._space.gene_choices)
        known = [(key, value) for key, value in self._accuracy.items() if np.isfinite(value)]
        genes = np.frombuffer(b"".join(key for key, _ in known), dtype=np.int64)
        architectures = self._space.from_genes(genes.reshape(-1, width))
        return list(zip(architectures, (value for _, value in known), strict=True))

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """Accuracies ``[n]`` of genotypes ``[n, genes]``; NaN where the table has none."""
        keys = (row.tobytes() for row in self._canonical(genes))
        return np.array([self._accuracy.get(key, np.nan) for key in keys], dtype=np.float64)

    def _canonical(self, genes: IntArray) -> IntArray:
        return np.ascontiguousarray(self._space.canonical(genes), dtype=np.int64)


def read_accuracy_csv(path: Path, space: GeneSpace, column: str = "accuracy") -> TableAccuracy:
    """Reads ``architecture,<column>`` in percent, where an empty field is unknown.

    Other columns are passed over, so that the NAS-Bench-201 file with one column per data
    set is read by naming one. Raises ``BadTable`` with file, row and column.
    """
    header, rows = read_rows(path)
    if column not in header:
        others = [name for name in header if name != "architecture"]
        raise BadTable(
            f"{path}: row 1 has no column {column!r}; name one of: {', '.join(others) or 'none'}"
        )
    at, value_at = header.index("architecture"), header.index(column)
    seen: dict[bytes, int] = {}
    genes: list[IntArray] = []
    values: list[float] = []
    for number, row in rows:
        gene = space.canonical(
            space.to_genes([parse_row_architecture(path, number, row[at], space)])
        )
        key = gene.tobytes()
        if key in seen:
            raise BadTable(f"{path}: row {number} repeats the architecture of row {seen[key]}")
        seen[key] = number
        genes.append(gene)
        values.append(parse_percent(path, number, column, row[value_at]))
    accuracy = np.array(values)
    _check_scale(path, column, accuracy)
    return TableAccuracy(f"{path.name}:{column}", space, np.concatenate(genes), accuracy)


def _check_scale(path: Path, column: str, accuracy: FloatArray) -> None:
    """A column without one number, or of fractions, is a mistake and not a table."""
    known = accuracy[np.isfinite(accuracy)]
    if not known.size:
        raise BadTable(f"{path}: column {column!r} has no number in any row")
    if known.max() <= FRACTION_LIMIT:
        raise BadTable(
            f"{path}: column {column!r} has no value above {known.max():g};"
            " write accuracy in percent (71.3, not 0.713)"
        )
