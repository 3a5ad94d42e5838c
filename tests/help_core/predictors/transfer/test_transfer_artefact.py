from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from help_core.errors import BadCheckpoint, NotFound
from help_core.predictors.transfer import TransferPredictor
from help_core.predictors.transfer.artefact import (
    Provenance,
    load_knowledge,
    load_shipped,
    save_knowledge,
    table_digest,
)
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.latency import LatencyTable
from tests.help_core.predictors.transfer.conftest import SPACE


@pytest.fixture
def saved(tmp_path: Path, predictor: TransferPredictor, training_table: LatencyTable) -> Path:
    path = tmp_path / "a.safetensors"
    provenance = Provenance(
        SPACE.name, training_table.devices, 400, table_digest(training_table), {"x": 0.9}, "make it"
    )
    save_knowledge(path, predictor.knowledge, provenance)
    return path


def test_what_was_saved_predicts_the_same(
    saved: Path, predictor: TransferPredictor, training_table: LatencyTable
) -> None:
    knowledge, provenance = load_knowledge(saved, SPACE)
    genes = SPACE.all_genes()[::97]
    before, after = predictor.knowledge.dictionary(genes), knowledge.dictionary(genes)
    np.testing.assert_allclose(after.anchors, before.anchors)
    np.testing.assert_allclose(after.columns, before.columns, atol=1e-9)
    assert provenance.training_devices == training_table.devices
    assert provenance.data_sha256 == table_digest(training_table)
    assert provenance.validation == {"x": 0.9}


def test_the_digest_changes_with_a_single_latency(training_table: LatencyTable) -> None:
    latency_ms = training_table.latency_ms.copy()
    latency_ms[3, 1] += 1e-9
    other = LatencyTable(
        training_table.space, training_table.architectures, training_table.devices, latency_ms
    )
    assert table_digest(other) != table_digest(training_table)


def test_a_damaged_artefact_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-1])
    with pytest.raises(BadCheckpoint, match=r"is not the file that a\.json describes"):
        load_knowledge(saved, SPACE)


def test_an_artefact_of_another_space_is_refused(saved: Path) -> None:
    with pytest.raises(BadCheckpoint, match="made for nasbench201, not for nasbench201-cifar10"):
        load_knowledge(saved, NasBench201("nasbench201-cifar10", classes=10))


def test_changed_features_are_noticed(saved: Path) -> None:
    with pytest.raises(BadCheckpoint, match="have changed since it was made"):
        load_knowledge(saved, NasBench201("nasbench201", resolution=16))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a transfer artefact of format 2"),
        ('{"format": 1}', "not a transfer artefact of format 2"),
        ('{"format": 2, "space": "x"}', "incomplete or of another version"),
    ],
)
def test_unreadable_provenance_is_one_clear_line(saved: Path, text: str, message: str) -> None:
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(BadCheckpoint, match=message) as caught:
        load_knowledge(saved, SPACE)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(saved: Path) -> None:
    saved.unlink()
    with pytest.raises(BadCheckpoint, match=r"a\.safetensors: cannot be read"):
        load_knowledge(saved, SPACE)


def test_the_shipped_artefact_loads_and_names_its_training_devices() -> None:
    knowledge, provenance = load_shipped(SPACE)
    assert len(knowledge.tables.devices) == 9
    assert "pixel2" not in provenance.training_devices
    assert min(provenance.validation.values()) > 0.9


def test_a_space_without_artefact_gets_the_untrained_predictor() -> None:
    space = NasBench201("nasbench201-own", classes=10)
    with pytest.raises(NotFound, match="no transfer artefact ships for nasbench201-own"):
        load_shipped(space)
    assert TransferPredictor.shipped(space).knowledge.tables.devices == ()


def test_the_shipped_files_hold_no_pickle() -> None:
    folder = Path(__file__).resolve().parents[4] / "help_core" / "assets" / "predictors"
    for path in folder.glob("transfer-*"):
        assert path.suffix in (".safetensors", ".json")
        assert path.stat().st_size < 2_000_000
        if path.suffix == ".json":
            assert json.loads(path.read_text())["format"] == 2
