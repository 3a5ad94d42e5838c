"""The command line in this process: what it prints, and the exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from help_core.spaces.base import sample_genes
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable
from help_proto.console import run_cli


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str

    def is_one_line(self, code: int, *words: str) -> None:
        """Bad input: that exit code, one line with those words, nothing on stdout."""
        assert self.code == code, self.stderr
        assert self.stdout == ""
        assert len(self.stderr.strip().splitlines()) == 1, self.stderr
        for word in words:
            assert word in self.stderr


Coord = Callable[..., Done]


@pytest.fixture
def coord(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Coord:
    """Runs help-coord with arguments."""
    from coordinator.main import app

    def run(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["help-coord", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            run_cli(app, "help-coord")
        captured = capfd.readouterr()
        assert isinstance(ended.value.code, int)
        return Done(ended.value.code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def small_table() -> LatencyTable:
    """Five devices, 150 cells and the references, latencies by a law of live operations."""
    space = NasBench201()
    rng = np.random.default_rng(1)
    references = space.to_genes(space.reference_architectures())
    genes = np.unique(np.concatenate([references, sample_genes(space, 150, rng)]), axis=0)
    genes = rng.permutation(genes)
    physics = space.features(genes, "physics")
    work = physics / physics.mean(axis=0)
    latency_ms = 2 + work @ rng.uniform(0, 1, (work.shape[1], 5))
    latency_ms *= np.exp(0.01 * rng.normal(size=latency_ms.shape))
    return LatencyTable(space.name, tuple(space.from_genes(genes)), tuple("abcde"), latency_ms)


@pytest.fixture
def table_file(small_table: LatencyTable, tmp_path: Path) -> Path:
    from help_core.tables.latency import format_latency_csv

    path = tmp_path / "table.csv"
    path.write_text(format_latency_csv(small_table))
    return path
