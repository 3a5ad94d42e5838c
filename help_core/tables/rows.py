"""CSV rows with errors that name the file, the row and the column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from help_core.errors import BadArchitecture, BadTable
from help_core.spaces.base import Architecture, SearchSpace

MAX_FIELD_CHARS = 100_000


def read_rows(path: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header and the rows with their line numbers; raises ``BadTable``."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file, strict=True))
    except OSError as error:
        raise BadTable(f"{path}: cannot be read ({error.strerror})") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadTable(f"{path}: not a CSV file in UTF-8 ({error})") from None
    if not lines:
        raise BadTable(f"{path}: empty; the first row must be architecture,<column>…")
    header = checked_header(path, lines[0])
    return header, _checked_rows(path, header, lines[1:])


def checked_header(path: Path, names: list[str]) -> list[str]:
    """The names of the columns, ``architecture`` among them and none twice, or ``BadTable``."""
    header = [name.strip() for name in names]
    if "architecture" not in header:
        raise BadTable(
            f"{path}: row 1 has no column 'architecture'; the header must be architecture,<column>…"
        )
    duplicate = next((name for name in header if header.count(name) > 1), None)
    if duplicate is not None:
        raise BadTable(f"{path}: row 1 names the column {duplicate!r} twice")
    return header


def _checked_rows(
    path: Path, header: list[str], lines: list[list[str]]
) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(lines, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise BadTable(f"{path}: row {number} has {len(row)} fields, the header {len(header)}")
        yield number, row


def parse_number(path: Path, row: int, column: str, text: str) -> float:
    """A finite number above zero, or NaN for an empty field."""
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        raise BadTable(
            f"{path}: row {row}, column {column!r}: {text[:40]!r} is not a number;"
            " leave the field empty where nothing was measured"
        ) from None
    if not math.isfinite(value) or value <= 0:
        raise BadTable(
            f"{path}: row {row}, column {column!r}: {text[:40]!r} is not above zero and finite;"
            " leave the field empty where nothing was measured"
        )
    return value


def parse_percent(path: Path, row: int, column: str, text: str) -> float:
    """A number in 0-100, or NaN for an empty field."""
    if not text.strip():
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise BadTable(
            f"{path}: row {row}, column {column!r}: {text[:40]!r} is not a percentage in 0-100;"
            " leave the field empty where it is unknown"
        )
    return value


def parse_row_architecture(path: Path, row: int, text: str, space: SearchSpace) -> Architecture:
    """The architecture of a row, in the table's space."""
    try:
        return space.parse(text.strip())
    except BadArchitecture as error:
        raise BadTable(f"{path}: row {row}, column 'architecture': {error}") from None
