"""What is learned from training tables as files: numbers in safetensors, provenance in JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from help_core.arrays import AnyArray
from help_core.errors import BadCheckpoint, NotFound
from help_core.predictors.transfer.basis import Basis, FeatureScale
from help_core.predictors.transfer.knowledge import Knowledge
from help_core.predictors.transfer.learned import Learned
from help_core.predictors.transfer.tables import DeviceTables
from help_core.spaces.base import GeneSpace
from help_core.tables.latency import LatencyTable

FORMAT = 2
SHIPPED = ("assets", "predictors")
CHECKED = 16
"""Architectures whose predictions are stored, to notice that a space's features changed."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an artefact comes from."""

    space: str
    training_devices: tuple[str, ...]
    architectures: int
    data_sha256: str
    """``table_digest`` of the training table."""
    validation: Mapping[str, float] = field(default_factory=dict)
    """Spearman on validation devices, ten designed measurements."""
    command: str = ""


def table_digest(table: LatencyTable) -> str:
    """SHA-256 of a table's labels and latencies."""
    digest = hashlib.sha256(json.dumps([table.space, table.devices]).encode())
    digest.update("\n".join(one.text for one in table.architectures).encode())
    digest.update(np.ascontiguousarray(table.latency_ms, dtype="<f8").tobytes())
    return digest.hexdigest()


def save_knowledge(path: Path, knowledge: Knowledge, provenance: Provenance) -> None:
    """Writes ``path`` (``….safetensors``) and the JSON beside it, each whole or not at all."""
    numbers = save(_tensors(knowledge))
    content = {
        "format": FORMAT,
        "numbers_sha256": hashlib.sha256(numbers).hexdigest(),
        **asdict(provenance),
    }
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    for target, data in ((path, numbers), (path.with_suffix(".json"), text.encode())):
        part = target.with_name(target.name + ".part")
        part.write_bytes(data)
        part.replace(target)


def load_knowledge(path: Path, space: GeneSpace) -> tuple[Knowledge, Provenance]:
    """Reads what ``save_knowledge`` wrote; raises ``BadCheckpoint`` naming what is wrong."""
    provenance, expected = _read_provenance(path.with_suffix(".json"))
    if provenance.space != space.name:
        raise BadCheckpoint(f"{path}: was made for {provenance.space}, not for {space.name}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadCheckpoint(f"{path}: cannot be read ({error.strerror})") from None
    if hashlib.sha256(data).hexdigest() != expected:
        raise BadCheckpoint(
            f"{path}: is not the file that {path.stem}.json describes; fetch both again"
        )
    try:
        tensors = load(data)
        knowledge = _knowledge(space, provenance.training_devices, tensors)
        predicted = knowledge.dictionary(knowledge.references[:CHECKED]).anchors
        same = np.allclose(predicted, tensors["check"], rtol=1e-4)
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise BadCheckpoint(f"{path}: damaged or of another version ({error})") from None
    if not same:
        raise BadCheckpoint(
            f"{path}: the features of {space.name} have changed since it was made; train it again"
        )
    return knowledge, provenance


def load_shipped(space: GeneSpace) -> tuple[Knowledge, Provenance]:
    """The artefact that comes with the package; raises ``NotFound`` if there is none."""
    folder = files("help_core").joinpath(*SHIPPED)
    name = f"transfer-{space.name}"
    if not folder.joinpath(f"{name}.safetensors").is_file():
        raise NotFound(f"no transfer artefact ships for {space.name}; train one from a table")
    with as_file(folder) as here:
        return load_knowledge(here / f"{name}.safetensors", space)


def _tensors(knowledge: Knowledge) -> dict[str, AnyArray]:
    basis, tables = knowledge.basis, knowledge.tables
    named: dict[str, AnyArray] = {
        "references": knowledge.references.astype(np.int16),
        "inducing": basis.inducing,
        "root": basis.root,
        "curved_mean": basis.curved_mean,
        "weights": tables.weights,
        "offsets": tables.offsets,
        "noise": tables.noise,
        "learned.related": knowledge.learned.related,
        "learned.unrelated": knowledge.learned.unrelated,
        "check": knowledge.dictionary(knowledge.references[:CHECKED]).anchors,
    }
    for name, scale in (("choices", basis.choices), ("physics", basis.physics)):
        for part in fields(FeatureScale):
            named[f"{name}.{part.name}"] = getattr(scale, part.name)
    return {name: np.ascontiguousarray(value) for name, value in named.items()}


def _knowledge(
    space: GeneSpace, devices: tuple[str, ...], tensors: Mapping[str, AnyArray]
) -> Knowledge:
    scales = {
        name: FeatureScale(*(tensors[f"{name}.{part.name}"] for part in fields(FeatureScale)))
        for name in ("choices", "physics")
    }
    basis = Basis(
        space,
        scales["choices"],
        scales["physics"],
        tensors["inducing"],
        tensors["root"],
        tensors["curved_mean"],
    )
    tables = DeviceTables(devices, tensors["weights"], tensors["offsets"], tensors["noise"])
    learned = Learned(tensors["learned.related"], tensors["learned.unrelated"])
    derived = Knowledge.derive(basis, tables, tensors["references"].astype(np.int64))
    terms = len(derived.layout.terms)
    if any(len(scales) not in (0, terms) for scales in (learned.related, learned.unrelated)):
        raise ValueError(f"it has scales for other terms than today's {terms}")
    return replace(derived, learned=learned)


def _read_provenance(path: Path) -> tuple[Provenance, str]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadCheckpoint(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise BadCheckpoint(f"{path}: not JSON ({error})") from None
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise BadCheckpoint(f"{path}: not a transfer artefact of format {FORMAT}")
    expected = str(content.pop("numbers_sha256", ""))
    try:
        content["training_devices"] = tuple(content["training_devices"])
        return Provenance(**content), expected
    except (TypeError, KeyError) as error:
        raise BadCheckpoint(f"{path}: incomplete or of another version ({error})") from None
