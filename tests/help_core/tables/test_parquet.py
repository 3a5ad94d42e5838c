from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from help_core.errors import BadTable, StoreError
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable, format_latency_csv, read_latency_table
from help_core.tables.parquet import read_latency_parquet, write_latency_parquet

SPACE = NasBench201()
CELLS = [one.text for one in SPACE.reference_architectures()[:3]]


def table() -> LatencyTable:
    latency_ms = np.array([[1.0, 0.1], [np.nan, 1 / 3], [2.5e-3, 7e4]])
    return LatencyTable(SPACE.name, SPACE.reference_architectures()[:3], ("pi", "gpu"), latency_ms)


def write(path: Path, columns: dict[str, list[object]]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_a_table_survives_both_forms_with_every_digit_and_gap(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "t.csv", tmp_path / "t.parquet"
    csv.write_text(format_latency_csv(table()))
    write_latency_parquet(parquet, table())
    for path in (csv, parquet):
        back = read_latency_table(path, SPACE)
        assert back.architectures == table().architectures
        assert back.devices == ("pi", "gpu")
        np.testing.assert_array_equal(back.latency_ms, table().latency_ms)


def test_other_tools_find_text_numbers_and_nulls(tmp_path: Path) -> None:
    write_latency_parquet(tmp_path / "t.parquet", table())
    found = pq.read_table(tmp_path / "t.parquet")
    assert found.schema.field("architecture").type == pa.string()
    assert [found.schema.field(name).type for name in ("pi", "gpu")] == [pa.float64()] * 2
    assert found.column("architecture").to_pylist() == CELLS
    assert found.column("pi").to_pylist() == [1.0, None, 2.5e-3]
    fast = found.filter(pc.less(found.column("gpu"), 1.0))
    assert fast.column("architecture").to_pylist() == CELLS[:2]


def test_whole_numbers_and_single_precision_are_read(tmp_path: Path) -> None:
    columns = {
        "architecture": pa.array(CELLS),
        "whole": pa.array([1, 2, None], pa.int32()),
        "single": pa.array([0.5, 1.5, 2.5], pa.float32()),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.pq")
    back = read_latency_table(tmp_path / "t.pq", SPACE)
    np.testing.assert_array_equal(back.latency_ms[:, 0], [1, 2, np.nan])
    np.testing.assert_array_equal(back.latency_ms[:, 1], [0.5, 1.5, 2.5])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"arch": CELLS, "pi": [1.0, 2.0, 3.0]}, "no column 'architecture'"),
        ({"architecture": CELLS}, "at least one device"),
        ({"architecture": CELLS, "pi": ["1", "fast", "2"]}, "row 3, column 'pi': 'fast'"),
        ({"architecture": CELLS, "pi": [1.0, 2.0, -1.0]}, "row 4, column 'pi': '-1.0'"),
        ({"architecture": CELLS, "pi": [1.0, 0.0, 1.0]}, "row 3, column 'pi': '0.0'"),
        ({"architecture": CELLS, "pi": [float("inf"), 1.0, 1.0]}, "row 2, column 'pi': 'inf'"),
        ({"architecture": CELLS, "pi": [float("nan"), 1.0, 1.0]}, "row 2, column 'pi': 'nan'"),
        ({"architecture": ["|x|", *CELLS[1:]], "pi": [1.0] * 3}, "row 2, column 'architecture'"),
        ({"architecture": CELLS[:1] * 2, "pi": [1.0] * 2}, "row 3, column 'architecture': repeats"),
        ({"architecture": [], "pi": []}, "no rows"),
    ],
)
def test_bad_tables_are_refused_as_in_csv(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    path = write(tmp_path / "bad.parquet", columns)
    with pytest.raises(BadTable, match=message) as caught:
        read_latency_parquet(path, SPACE)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"architecture,pi\n", b"PAR1" + b"x" * 40 + b"PAR1"])
def test_what_is_no_parquet_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(content)
    with pytest.raises(BadTable, match="damaged") as caught:
        read_latency_parquet(path, SPACE)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"none\.parquet: cannot be read"):
        read_latency_parquet(tmp_path / "none.parquet", SPACE)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        write_latency_parquet(tmp_path / "no" / "t.parquet", table())
