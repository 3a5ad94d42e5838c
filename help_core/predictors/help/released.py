"""HELP's released checkpoints (``help_max_corr.pt``), read without running what is in them.

The files are pickles. They are read with ``weights_only=True``, and only the tensors that
HELP's networks have, in their shapes, are taken over.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor

from help_core.errors import BadCheckpoint
from help_core.predictors.help.cells import CELL_FEATURES, KINDS
from help_core.predictors.help.checkpoint import load_weights
from help_core.predictors.help.learner import SLASH, MetaLearner
from help_core.predictors.help.settings import AS_PUBLISHED

_PREFIX = "meta_learner."

_NETWORK = {
    "gc1": "encoder.first",
    "gc2": "encoder.second",
    "gc3": "encoder.third",
    "gc4": "encoder.last",
    "fc1": "encoder.first",
    "fc2": "encoder.second",
    "fc_hw1": "device_encoder.first",
    "fc_hw2": "device_encoder.second",
    "fc3": "head.first",
    "fc4": "head.second",
    "fc5": "head.last",
}

_MODULATOR = {"z_encoder.0": "first", "z_encoder.2": "second"}


def load_released(path: Path) -> MetaLearner:
    """The meta-learner of a released checkpoint, settings as published.

    Raises ``BadCheckpoint`` if the file holds anything but such a checkpoint. The released
    NAS-Bench-201 weights were trained on an encoding of cells that was not released, so
    their predictions mean little here; those of FBNet and OFA can be checked.
    """
    content = _sections(path)
    weights: dict[str, Tensor] = {}
    for name, value in _network(path, content["model"]).items():
        weights[f"network.{name}"] = value
    for name, value in _network(path, content["task_lr"]).items():
        weights[f"step_sizes.{name.replace('.', SLASH)}"] = value
    for name, value in content["inference_network"].items():
        layer, _, kind = name.rpartition(".")
        if layer not in _MODULATOR:
            raise BadCheckpoint(f"{path}: has the unknown weight {name!r}")
        weights[f"modulator.{_MODULATOR[layer]}.{kind}"] = _inputs_first(layer, value)
    first = weights.get("network.encoder.first.weight")
    if first is None or first.ndim != 2:
        raise BadCheckpoint(f"{path}: misses the first layer of its encoder")
    is_graph = f"{_PREFIX}gc1.weight" in content["model"]
    if is_graph and first.shape[0] != KINDS:
        raise BadCheckpoint(f"{path}: its cells have {first.shape[0]} node features, not {KINDS}")
    learner = MetaLearner(AS_PUBLISHED, CELL_FEATURES if is_graph else first.shape[0])
    weights["embedding_center"] = learner.embedding_center
    load_weights(learner, weights, str(path))
    return learner


def _sections(path: Path) -> dict[str, dict[str, Tensor]]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BadCheckpoint(f"{path}: cannot be read ({error.strerror})") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise BadCheckpoint(f"{path}: holds more than tensors and numbers ({reason})") from None
    sections: dict[str, dict[str, Tensor]] = {}
    for section in ("model", "inference_network", "task_lr"):
        part = content.get(section) if isinstance(content, dict) else None
        if not isinstance(part, dict) or not all(
            isinstance(name, str) and isinstance(value, torch.Tensor)
            for name, value in part.items()
        ):
            raise BadCheckpoint(
                f"{path}: has no tensors under {section!r}; it is not a checkpoint of HELP"
            )
        sections[section] = dict(part)
    return sections


def _network(path: Path, part: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the network under the names that they have here."""
    renamed: dict[str, Tensor] = {}
    for name, value in part.items():
        layer, _, kind = name.removeprefix(_PREFIX).rpartition(".")
        if layer not in _NETWORK or not name.startswith(_PREFIX):
            raise BadCheckpoint(f"{path}: has the unknown weight {name!r}")
        renamed[f"{_NETWORK[layer]}.{kind}"] = _inputs_first(layer, value.detach())
    joint = renamed.get("head.first.weight")
    if joint is not None and joint.ndim == 2:
        # The device's half of the layer is a weight of its own here.
        split = AS_PUBLISHED.hidden
        renamed["head.first.weight"] = joint[:split].contiguous()
        renamed["head.device"] = joint[split:].contiguous()
    return renamed


def _inputs_first(layer: str, value: Tensor) -> Tensor:
    """Weights as ``[inputs, outputs]``, which HELP keeps only in its graph convolutions."""
    return value if layer.startswith("gc") or value.ndim != 2 else value.T.contiguous()
