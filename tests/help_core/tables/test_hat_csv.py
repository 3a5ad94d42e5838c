"""HAT's latency tables: read exactly, or refused by row and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from help_core.errors import BadTable
from help_core.tables.hat_csv import FEATURE_COLUMNS, LATENCY_COLUMNS, read_hat_csv

HEADER = ",".join([*FEATURE_COLUMNS, *LATENCY_COLUMNS])
ROW = "512,6,1877.3333333333333,6.0,640,3,1706.5,6.0,2.5,1.25,199.5,5932.25,41.5,0.0"


def test_a_row_becomes_features_and_latencies(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{HEADER}\n{ROW}\n\n{ROW.replace('640', '512')}\n")
    table = read_hat_csv(path)
    np.testing.assert_array_equal(
        table.features[0], [512, 6, 1877.3333333333333, 6, 640, 3, 1706.5, 6, 2.5, 1.25]
    )
    assert table.features[1, 4] == 512
    assert (table.encoder_ms[0], table.decoder_ms[0]) == (199.5, 5932.25)
    assert (table.encoder_std_ms[0], table.decoder_std_ms[0]) == (41.5, 0.0)
    np.testing.assert_array_equal(table.total_ms, [6131.75, 6131.75])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1 is not the header"),
        (HEADER, "no rows"),
        (f"{HEADER[1:]}\n{ROW}", "it lacks encoder_embed_dim"),
        (f"{HEADER}\n{ROW},1", "row 2 has 15 fields, the header 14"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('199.5', 'nan')}", "row 3, column 'latency_mean_enc"),
        (f"{HEADER}\n{ROW.replace('5932.25', '0.0')}", "row 2, column 'latency_mean_decoder'"),
        (f"{HEADER}\n{ROW.replace('41.5', '-1')}", "column 'latency_std_encoder': '-1'"),
        (f"{HEADER}\n{ROW.replace('1.25', 'x')}", "column 'decoder_arbitrary_ende_attn_avg': 'x'"),
        (f'{HEADER}\n"{ROW}', "not a CSV file"),
    ],
)
def test_a_bad_table_is_refused_by_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(BadTable, match=message):
        read_hat_csv(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="cannot be read"):
        read_hat_csv(tmp_path / "none.csv")
