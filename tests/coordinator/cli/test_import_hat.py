"""``import hat``: HAT's own files into the store, as networks of a HAT space."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from coordinator.fleet import Fleet
from help_core.spaces.base import sample_genes
from help_core.spaces.hat import Hat
from help_core.tables.hat_csv import FEATURE_COLUMNS, LATENCY_COLUMNS
from tests.coordinator.cli.conftest import Coord


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with Fleet.local() as fleet:
        yield fleet.client.address


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of twenty networks of our space each."""
    space = Hat()
    for seed, name in enumerate(("wmt14ende_cpu_xeon_all", "wmt14enfr_gpu_titanxp_all")):
        genes = sample_genes(space, 20, np.random.default_rng(seed))
        latencies = [[8.0, 100.0 + row, 0.1, 1.0] for row in range(20)]
        values = np.column_stack([space.features(genes, "help"), latencies])
        lines = [",".join(map(repr, row)) for row in values.tolist()]
        header = ",".join([*FEATURE_COLUMNS, *LATENCY_COLUMNS])
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *lines]))
    return tmp_path


def test_a_folder_of_hat_becomes_latencies_of_two_devices(
    coord: Coord, address: str, folder: Path
) -> None:
    done = coord("import", "hat", folder, "--json", "--coordinator", address)
    assert json.loads(done.stdout) == {
        "rows": 40,
        "devices": ["xeon_wmt14ende", "titanxp_wmt14enfr"],
    }
    exported = coord("export", "--space", "hat", "--json", "--coordinator", address)
    rows = json.loads(exported.stdout)
    assert {row["device"] for row in rows} == {"xeon_wmt14ende", "titanxp_wmt14enfr"}
    # Encoder and decoder together.
    assert sorted(row["latency_ms"] for row in rows)[:2] == [108.0, 108.0]


def test_one_part_of_one_file_can_be_imported(coord: Coord, address: str, folder: Path) -> None:
    file = folder / "wmt14ende_cpu_xeon_all.csv"
    done = coord(
        "import", "hat", file, "--space", "hat-wmt19", "--part", "encoder",
        "--coordinator", address,
    )  # fmt: skip
    assert done.stdout == "20 latencies of 1 device(s) imported.\n"
    rows = json.loads(
        coord("export", "--space", "hat-wmt19", "--json", "--coordinator", address).stdout
    )
    assert {row["latency_ms"] for row in rows} == {8.0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--space", "fbnet"), ("transformers, not of fbnet", "--space hat")),
        (("--part", "tail"), ("--part 'tail'", "encoder, decoder, total")),
        ((), ("has no .csv",)),
    ],
)
def test_bad_calls_are_one_line(
    coord: Coord, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    coord("import", "hat", tmp_path, *arguments).is_one_line(2, *words)
