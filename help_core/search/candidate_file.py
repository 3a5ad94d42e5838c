"""A user's list of candidates."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from help_core.errors import BadArchitecture, BadTable
from help_core.spaces.base import Architecture, SearchSpace
from help_core.tables.rows import parse_row_architecture, read_rows

MAX_BYTES = 64 * 2**20


def read_candidates(path: Path, space: SearchSpace) -> list[Architecture]:
    """The distinct architectures of a file, in its order.

    Either a CSV table whose header names a column ``architecture``, or a list with one
    architecture a line, which other fields may follow after a comma. A first line that holds
    a number alone is passed over (MetaD2A's lists begin with the seconds that they took).
    Raises ``BadTable`` with file and line.
    """
    lines = _lines(path)
    first = next((text for text in lines if text.strip()), "")
    if "architecture" in [name.strip() for name in first.split(",")]:
        header, rows = read_rows(path)
        at = header.index("architecture")
        found = [parse_row_architecture(path, number, row[at], space) for number, row in rows]
    else:
        found = [
            _parse(path, number, text.strip(), space)
            for number, text in enumerate(lines, start=1)
            if text.strip() and not (number == 1 and _is_number(text))
        ]
    if not found:
        raise BadTable(f"{path}: holds no architecture; write one a line")
    return list(dict.fromkeys(found))


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise BadTable(f"{path}: larger than {MAX_BYTES >> 20} MiB; give fewer candidates")
        return content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise BadTable(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise BadTable(f"{path}: not text in UTF-8 ({error})") from None


def _parse(path: Path, number: int, text: str, space: SearchSpace) -> Architecture:
    """The whole line, or its first field: the strings of some spaces hold commas."""
    try:
        return space.parse(text)
    except BadArchitecture as error:
        fields = next(csv.reader(io.StringIO(text)), [text])
        if fields[0].strip() == text:
            raise BadTable(f"{path}: line {number}: {error}") from None
    try:
        return space.parse(fields[0].strip())
    except BadArchitecture as error:
        raise BadTable(f"{path}: line {number}: {error}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
