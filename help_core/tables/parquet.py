"""Latency tables as Parquet: ``architecture`` as text, a column of numbers per device.

A missing value is a gap. Rows are numbered as in the CSV form, so that the first after the
header is row 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from help_core.errors import BadTable, StoreError
from help_core.spaces.base import SearchSpace
from help_core.tables.latency import LatencyTable, table_of_rows
from help_core.tables.rows import checked_header


def read_latency_parquet(path: Path, space: SearchSpace) -> LatencyTable:
    """Reads what ``write_latency_parquet`` writes; ``BadTable`` with file, row and column."""
    try:
        with pq.ParquetFile(path) as file:
            header = checked_header(path, list(file.schema_arrow.names))
            content = file.read()
    except OSError as error:
        # pyarrow's own errors about damaged data are of this class too, without a reason.
        raise BadTable(f"{path}: cannot be read ({error.strerror or 'damaged'})") from None
    except (pa.ArrowException, UnicodeDecodeError):
        raise BadTable(f"{path}: not a Parquet file, or damaged") from None
    return table_of_rows(path, space, header, _rows(content))


def write_latency_parquet(path: Path, table: LatencyTable) -> None:
    """Writes a table, whole or not at all; raises ``StoreError``."""
    texts = [architecture.text for architecture in table.architectures]
    columns = [
        pa.array(texts, pa.string()),
        *(pa.array(each, pa.float64(), mask=np.isnan(each)) for each in table.latency_ms.T),
    ]
    content = pa.Table.from_arrays(columns, names=["architecture", *table.devices])
    part = path.with_name(path.name + ".part")
    try:
        pq.write_table(content, part)
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from None


def _rows(content: pa.Table) -> Iterator[tuple[int, list[str]]]:
    """The rows as the CSV form would have them, so that both are checked alike."""
    columns = [column.to_pylist() for column in content.itercolumns()]
    for number, row in enumerate(zip(*columns, strict=True), start=2):
        yield number, ["" if value is None else str(value) for value in row]
