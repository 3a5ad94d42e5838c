"""Checkpoints: ``NAME.safetensors`` for the weights, ``NAME.json`` for where they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from help_core.errors import BadCheckpoint, HelpError, NotFound
from help_core.predictors.help.learner import MetaLearner
from help_core.predictors.help.settings import HelpSettings

FORMAT = 1
SHIPPED = ("assets", "predictors")


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """What is known of a checkpoint besides its weights."""

    space: str
    feature_width: int
    settings: HelpSettings
    training_devices: tuple[str, ...]
    validation_devices: tuple[str, ...]
    seed: int
    episode: int
    """The episode whose meta-learner this is."""
    spearman: Mapping[str, float]
    """Rank correlation on each validation device, support as the settings say."""
    error: Mapping[str, float]
    """Root mean square of the label errors on each validation device."""
    bias: Mapping[str, float]
    """Mean of the label errors on each validation device, true less predicted."""
    data_sha256: Mapping[str, str] = field(default_factory=dict)
    """``MetaData.digest`` of the training and the validation data."""
    command: str = ""
    """What to type to make this checkpoint again."""


def save_checkpoint(path: Path, learner: MetaLearner, record: CheckpointRecord) -> None:
    """Writes ``path`` (``….safetensors``) and the JSON beside it, whole or not at all."""
    weights = save({name: value.contiguous() for name, value in learner.state_dict().items()})
    content = {
        "format": FORMAT,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **asdict(record),
    }
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    for target, data in ((path, weights), (path.with_suffix(".json"), text.encode())):
        part = target.with_name(target.name + ".part")
        part.write_bytes(data)
        part.replace(target)


def load_checkpoint(path: Path) -> tuple[MetaLearner, CheckpointRecord]:
    """Reads what ``save_checkpoint`` wrote; raises ``BadCheckpoint`` naming what is wrong."""
    content = _read_json(path.with_suffix(".json"))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadCheckpoint(f"{path}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(data).hexdigest() != content.pop("weights_sha256", None):
        raise BadCheckpoint(
            f"{path}: is not the file that {path.stem}.json describes; fetch both again"
        )
    record = _record(path.with_suffix(".json"), content)
    learner = MetaLearner(record.settings, record.feature_width)
    try:
        weights = load(data)
    except SafetensorError as error:
        raise BadCheckpoint(f"{path}: not a safetensors file ({error})") from None
    load_weights(learner, weights, str(path))
    return learner, record


def load_weights(learner: MetaLearner, weights: Mapping[str, Tensor], source: str) -> None:
    """Sets the weights of a meta-learner; raises ``BadCheckpoint`` unless all of them fit."""
    expected = learner.state_dict()
    for name in sorted(set(expected) ^ set(weights)):
        verb = "misses" if name in expected else "has the unknown"
        raise BadCheckpoint(f"{source}: {verb} weight {name!r}; it is of another kind of model")
    for name, value in weights.items():
        if value.shape != expected[name].shape or value.dtype != expected[name].dtype:
            raise BadCheckpoint(
                f"{source}: weight {name!r} is {value.dtype} {list(value.shape)}, not"
                f" {expected[name].dtype} {list(expected[name].shape)}"
            )
        if not torch.isfinite(value).all():
            raise BadCheckpoint(f"{source}: weight {name!r} holds numbers that are not finite")
    learner.load_state_dict(dict(weights))


def shipped_checkpoint(space: str, name: str = "help") -> tuple[MetaLearner, CheckpointRecord]:
    """The checkpoint that the package brings for a space; raises ``NotFound``."""
    folder = files("help_core").joinpath(*SHIPPED)
    weights = folder.joinpath(f"{name}-{space}.safetensors")
    if not weights.is_file():
        raise NotFound(
            f"no {name!r} checkpoint ships for the search space {space!r};"
            " meta-train one with: help-coord meta-train"
        )
    with as_file(folder) as real:
        return load_checkpoint(real / weights.name)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadCheckpoint(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise BadCheckpoint(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise BadCheckpoint(f"{path}: not a checkpoint record of format {FORMAT}")
    return content


def _record(path: Path, content: dict[str, Any]) -> CheckpointRecord:
    names = {item.name for item in fields(CheckpointRecord)}
    odd = sorted(names ^ set(content))
    if odd:
        raise BadCheckpoint(f"{path}: the field {odd[0]!r} is missing or unknown")
    try:
        content["settings"] = HelpSettings(**content["settings"])
        content["training_devices"] = tuple(content["training_devices"])
        content["validation_devices"] = tuple(content["validation_devices"])
        return CheckpointRecord(**content)
    except (TypeError, HelpError) as error:
        raise BadCheckpoint(f"{path}: {error}") from None
