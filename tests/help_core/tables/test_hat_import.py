"""HAT's files as latency tables of a HAT space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from help_core.errors import BadTable
from help_core.spaces.base import sample_genes
from help_core.spaces.hat import TASKS, Hat
from help_core.spaces.hat.task import as_measured
from help_core.tables.hat_csv import FEATURE_COLUMNS, LATENCY_COLUMNS, read_hat_csv
from help_core.tables.hat_import import move_rows, read_hat_latency

HEADER = ",".join([*FEATURE_COLUMNS, *LATENCY_COLUMNS])
ROW = "512,6,1877.3333333333333,6.0,640,3,1706.6666666666667,6.0,4.0,2.0,10,200,0.1,1.0"
MEASURED = Hat("hat-measured", task=as_measured(TASKS["wmt14.en-de"]), beam=5)


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def invented(path: Path, seed: int, count: int = 400) -> Path:
    """A machine on which a decoder layer takes 20 ms and 512 of its feed-forward 1 ms."""
    genes = sample_genes(MEASURED, count, np.random.default_rng(seed))
    features = MEASURED.features(genes, "help")
    decoder = features[:, 5] * (20 + features[:, 6] / 512)
    rows = [
        ",".join(map(repr, [*row, 8.0, ms, 0.0, 0.0]))
        for row, ms in zip(features.tolist(), decoder.tolist(), strict=True)
    ]
    return write(path, *rows)


def test_a_file_is_a_device_and_a_row_a_network_with_its_features(tmp_path: Path) -> None:
    path = write(tmp_path / "wmt14ende_cpu_xeon_all.csv", ROW)
    table = read_hat_latency(path, MEASURED)
    assert (table.space, table.devices) == ("hat-measured", ("xeon_wmt14ende",))
    found = MEASURED.features(MEASURED.to_genes(table.architectures), "help")
    np.testing.assert_array_equal(found, read_hat_csv(path).features)
    assert table.latency_ms.tolist() == [[210.0]]


@pytest.mark.parametrize(("part", "expected"), [("encoder", 10), ("decoder", 200)])
def test_a_part_of_the_sentence_can_be_asked_for(
    tmp_path: Path, part: str, expected: float
) -> None:
    path = write(tmp_path / "mine.csv", ROW)
    table = read_hat_latency(path, MEASURED, part)  # type: ignore[arg-type]
    assert (table.devices, table.latency_ms.tolist()) == (("mine",), [[expected]])


def test_rows_of_one_network_are_averaged_and_files_share_networks(tmp_path: Path) -> None:
    slower = ROW.replace(",200,", ",210,")
    write(tmp_path / "wmt14ende_cpu_a_all.csv", ROW, slower)
    write(tmp_path / "wmt14enfr_gpu_b_all.csv", slower, ROW.replace("512,6", "640,6"))
    table = read_hat_latency(tmp_path, MEASURED)
    assert table.devices == ("a_wmt14ende", "b_wmt14enfr")
    np.testing.assert_array_equal(table.latency_ms, [[215, 220], [np.nan, 210]])


def test_a_network_that_the_space_lacks_moves_and_its_latency_with_it(tmp_path: Path) -> None:
    table = read_hat_csv(invented(tmp_path / "t.csv", 0))
    space = Hat()
    moved = move_rows(table, space)
    there = space.features(space.to_genes(moved.architectures), "help")
    assert (moved.share != 1).mean() > 0.5
    # What the invented machine takes for the network that now stands there.
    expected = 8 + there[:, 5] * (20 + there[:, 6] / 512)
    np.testing.assert_allclose(moved.latency_ms, expected, rtol=1e-6)
    kept = move_rows(table, MEASURED)
    np.testing.assert_array_equal(kept.share, 1)
    np.testing.assert_array_equal(kept.latency_ms, table.total_ms)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("1877.3333333333333", "1877"), "column 'encoder_ffn_embed_dim_avg'.*1877"),
        (ROW.replace("6.0,640", "9.0,640"), "column 'encoder_self_attention_heads_avg'"),
        (ROW.replace("640,3", "640,8"), "network 2: number of decoder layers 8"),
        (ROW.replace("200", "fast"), "row 3, column 'latency_mean_decoder'"),
    ],
)
def test_bad_rows_are_refused_by_file_and_row(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path / "t.csv", ROW, row)
    with pytest.raises(BadTable, match=message) as caught:
        read_hat_latency(path, Hat())
    assert str(path) in str(caught.value)


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"has no \.csv; give HAT's folder latency_dataset"):
        read_hat_latency(tmp_path, Hat())


@pytest.mark.reference
def test_hats_files_are_networks_with_the_very_features(reference_data: Path) -> None:
    path = reference_data / "hat" / "wmt14ende_cpu_xeon_all.csv"
    published, table = read_hat_csv(path), read_hat_latency(path, MEASURED)
    assert len(table.architectures) == 2000
    found = MEASURED.features(MEASURED.to_genes(table.architectures), "help")
    np.testing.assert_array_equal(found, published.features)
    np.testing.assert_array_equal(table.latency_ms[:, 0], published.total_ms)


@pytest.mark.reference
def test_moving_hats_rows_into_our_space_changes_latencies_little(reference_data: Path) -> None:
    for path in sorted((reference_data / "hat").glob("*.csv")):
        change = np.abs(move_rows(read_hat_csv(path), Hat()).share - 1)
        assert np.median(change) < 0.005
        assert change.max() < 0.1
