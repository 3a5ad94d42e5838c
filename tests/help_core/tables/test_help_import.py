"""HELP's published latency lists."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from help_core.errors import BadTable
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.help_import import read_help_latency
from help_core.tables.plain_pickle import read_plain_pickle

CELLS = NasBench201().reference_architectures()[:4]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four architectures, out of order, on two devices."""
    (tmp_path / "latency").mkdir()
    index = {cell.text: number for number, cell in enumerate(CELLS)}
    torch.save(dict(reversed(index.items())), tmp_path / "str_arch2idx.pt")
    torch.save([4.0, 3.0, 2.0, 1.5], tmp_path / "latency" / "gpu.pt")
    torch.save([12, 0.004, 9, 10], tmp_path / "latency" / "phone.pt")
    return tmp_path


def test_orders_architectures_by_their_index(folder: Path) -> None:
    table = read_help_latency(folder, NasBench201())
    assert table.architectures == CELLS
    assert table.devices == ("gpu", "phone")
    np.testing.assert_array_equal(table.column("gpu"), [4.0, 3.0, 2.0, 1.5])


def test_minimum_of_a_network_that_was_folded_away_is_a_gap(folder: Path) -> None:
    column = read_help_latency(folder, NasBench201()).column("phone")
    np.testing.assert_array_equal(column, [12, np.nan, 9, 10])


def test_takes_architectures_from_the_caller(folder: Path) -> None:
    (folder / "str_arch2idx.pt").unlink()
    table = read_help_latency(folder, NasBench201(), ("gpu",), CELLS[::-1])
    assert table.architectures == CELLS[::-1]
    assert table.devices == ("gpu",)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([1.0, 2.0, 3.0], r"gpu\.pt: must be a list of 4 latencies, is 3"),
        ({"a": 1.0}, r"gpu\.pt: must be a list of 4 latencies, is dict"),
        ([1.0, "2", 3.0, 4.0], r"gpu\.pt: entry 1 is '2', not a number"),
        ([1.0, 2.0, -3.0, 4.0], r"gpu\.pt: entry 2 is -3\.0, not above zero"),
        ([1.0, 2.0, 3.0, float("inf")], r"gpu\.pt: entry 3 is inf"),
        ([1.0, True, 3.0, 4.0], r"gpu\.pt: entry 1 is 'True', not a number"),
    ],
)
def test_list_that_is_no_latency_list_is_refused(
    folder: Path, content: object, complaint: str
) -> None:
    torch.save(content, folder / "latency" / "gpu.pt")
    with pytest.raises(BadTable, match=complaint):
        read_help_latency(folder, NasBench201(), ("gpu",))


def test_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="has no latency/<device>"):
        read_help_latency(tmp_path, NasBench201())


def test_unknown_device_is_named(folder: Path) -> None:
    with pytest.raises(BadTable, match=r"tpu\.pt: cannot be read"):
        read_help_latency(folder, NasBench201(), ("tpu",))


@pytest.mark.parametrize("index", [{"x": "y"}, {}, [1, 2]])
def test_index_that_is_no_index_is_refused(folder: Path, index: object) -> None:
    torch.save(index, folder / "str_arch2idx.pt")
    with pytest.raises(BadTable, match=r"str_arch2idx\.pt"):
        read_help_latency(folder, NasBench201())


class Bomb:
    """What a malicious pickle looks like: loading it would call a function."""

    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.trap),)


def test_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    torch.save([Bomb(trap)], tmp_path / "bomb.pt")
    with pytest.raises(BadTable, match=r"bomb\.pt: not plain data.*mkdir"):
        read_plain_pickle(tmp_path / "bomb.pt")
    assert not trap.exists()


def test_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.pt").write_text("latencies: 1 2 3")
    with pytest.raises(BadTable, match=r"notes\.pt: not plain data"):
        read_plain_pickle(tmp_path / "notes.pt")


@pytest.mark.reference
def test_published_tables_have_gaps_only_where_networks_were_folded_away(
    reference_data: Path,
) -> None:
    space = NasBench201()
    table = read_help_latency(reference_data / "help" / "nasbench201", space)
    assert len(table.architectures) == 15_625
    assert len(set(table.architectures)) == 15_625
    gaps = {
        device: int(np.isnan(table.column(device)).sum())
        for device in table.devices
        if np.isnan(table.column(device)).any()
    }
    assert gaps == {"pixel3": 273, "raspi4": 284}
    connected = space.features(space.to_genes(table.architectures), "physics")[:, 13] > 0
    assert np.isfinite(table.latency_ms[connected]).all()
