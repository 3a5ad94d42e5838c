"""Checkpoints on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from help_core.errors import BadCheckpoint, NotFound
from help_core.predictors.help.checkpoint import (
    CheckpointRecord,
    load_checkpoint,
    save_checkpoint,
    shipped_checkpoint,
)
from help_core.predictors.help.meta_train import MetaTrained


@pytest.fixture
def saved(tmp_path: Path, trained: MetaTrained, record: CheckpointRecord) -> Path:
    path = tmp_path / "help.safetensors"
    save_checkpoint(path, trained.learner, record)
    return path


def test_comes_back_as_it_was_saved(
    saved: Path, trained: MetaTrained, record: CheckpointRecord
) -> None:
    learner, loaded = load_checkpoint(saved)
    assert loaded == record
    for name, value in trained.learner.state_dict().items():
        assert torch.equal(learner.state_dict()[name], value)
    assert sorted(path.name for path in saved.parent.iterdir()) == [
        "help.json",
        "help.safetensors",
    ]


def test_one_changed_byte_is_noticed(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(bytes(data))
    with pytest.raises(BadCheckpoint, match=r"is not the file that help\.json describes"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("format", 7, "not a checkpoint record of format 1"),
        ("seed", None, "'seed' is missing or unknown"),
        ("surprise", 1, "'surprise' is missing or unknown"),
        ("settings", {"mode": "x"}, "missing"),
        ("feature_width", 12, "another kind of model"),
    ],
)
def test_damaged_record_is_refused(saved: Path, field: str, value: object, complaint: str) -> None:
    path = saved.with_suffix(".json")
    content = json.loads(path.read_text())
    if value is None:
        del content[field]
    else:
        content[field] = value
    path.write_text(json.dumps(content))
    with pytest.raises(BadCheckpoint, match=complaint):
        load_checkpoint(saved)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"none\.json: cannot be read"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_weights_that_are_not_finite_are_refused(
    saved: Path, trained: MetaTrained, record: CheckpointRecord
) -> None:
    learner = load_checkpoint(saved)[0]
    with torch.no_grad():
        learner.network.head.last.bias.fill_(float("nan"))
    save_checkpoint(saved, learner, record)
    with pytest.raises(BadCheckpoint, match=r"network\.head\.last\.bias.*not finite"):
        load_checkpoint(saved)


def test_space_without_a_shipped_checkpoint_is_named() -> None:
    with pytest.raises(NotFound, match="ships for the search space 'nowhere'"):
        shipped_checkpoint("nowhere")
