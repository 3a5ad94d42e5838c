"""From a table to a trained artefact to answers that rest on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from coordinator.client import Client
from help_core.predictors.artefacts import ArtefactFolder
from help_core.predictors.base import Predictor, Support
from help_core.predictors.registry import get_predictor
from help_core.records import AdaptOrder, Answer
from help_core.spaces import get_gene_space
from help_core.tables.latency import LatencyTable, read_latency_csv
from tests.e2e.processes import (
    Process,
    free_port,
    is_online,
    python_module,
    replay_agent,
    run_cli,
    wait_for,
)

SPACE = get_gene_space("nasbench201")


def test_a_coordinator_adapts_with_what_was_trained(replay_table: Path, tmp_path: Path) -> None:
    folder = tmp_path / "predictors"
    out = folder / "transfer-nasbench201.safetensors"
    trained = run_cli(
        *("coordinator.main", "meta-train", "--table", str(replay_table)),
        *("--devices", "server", "--train-architectures", "300", "--out", str(out)),
    )
    assert trained.returncode == 0, trained.stderr
    listen = f"127.0.0.1:{free_port()}"
    serve = python_module(
        *("coordinator.main", "serve", "--listen", listen, "--store", str(tmp_path / "c.db")),
        *("--predictors", str(folder)),
    )
    with (
        Process(serve, tmp_path / "coordinator.log") as coordinator,
        replay_agent(tmp_path / "agent", listen, replay_table, "board") as agent,
    ):
        wait_for(lambda: is_online(listen, "board"))
        with Client(listen) as client:
            *_, answer = client.adapt(AdaptOrder("board", SPACE.name, verify=False))
            assert isinstance(answer, Answer)
            (row,), _ = client.predict("board", [answer.picks[0].architecture])
        assert agent.stop() == 0
        assert coordinator.stop() == 0
    table = read_latency_csv(replay_table, SPACE)
    ours = _by_hand(ArtefactFolder(folder).get("transfer", SPACE), table, row[0])
    shipped = _by_hand(get_predictor("transfer", SPACE), table, row[0])
    assert row[1] == pytest.approx(ours, rel=1e-5)
    assert row[1] != pytest.approx(shipped, rel=1e-5)


def _by_hand(predictor: Predictor, table: LatencyTable, architecture: str) -> float:
    """What a predictor says after its own ten measurements."""
    truth = dict(zip(table.architectures, table.column("board").tolist(), strict=True))
    genes = predictor.support_genes(10, np.random.default_rng(0))
    latency_ms = np.array([truth[one] for one in SPACE.from_genes(genes)])
    adapted = predictor.adapt(Support(genes, latency_ms), np.random.default_rng(0))
    asked = SPACE.to_genes([SPACE.parse(architecture)])
    return float(adapted.predict(asked).latency_ms[0])
