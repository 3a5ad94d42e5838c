"""The accuracy model that ships for NAS-Bench-201.

An ensemble of small networks over cells (``cell_network``), trained on the benchmark's
published accuracies by ``benchmarks/accuracy_train.py``; how well it does on cells that it
did not see is recorded beside it. Inference needs numpy only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from help_core.accuracy.base import AccuracySource
from help_core.accuracy.cell_network import scores, weight_shapes
from help_core.accuracy.isomorphism import DISCONNECTED, cell_signatures
from help_core.accuracy.ofa_model import SHIPPED as SHIPPED_OFA
from help_core.accuracy.ofa_model import load_shipped_ofa_accuracy
from help_core.arrays import AnyArray, FloatArray, IntArray
from help_core.errors import BadCheckpoint

FORMAT = "help-fleet cell accuracy 1"
DATASETS: Mapping[str, str] = {
    "nasbench201": "CIFAR-100",
    "nasbench201-cifar10": "CIFAR-10",
    "nasbench201-imagenet16": "ImageNet16-120",
}
"""The data set of each search space; the order is that of the model's outputs."""

SHIPPED = "nasbench201"
BATCH = 65_536


@dataclass(frozen=True, slots=True)
class AccuracyScale:
    """Between accuracies in percent and the scores that networks learn, per data set.

    score = (-log(ceiling - accuracy) - centre) / spread stretches the good end, where the
    architectures that matter lie close together.
    """

    ceiling: FloatArray
    centre: FloatArray
    spread: FloatArray

    @classmethod
    def fitted(cls, accuracy_percent: FloatArray, ceiling: FloatArray) -> AccuracyScale:
        """Median 0 and deviation 1 over accuracies ``[n, data sets]``."""
        stretched = -np.log(ceiling - accuracy_percent)
        return cls(ceiling, np.median(stretched, axis=0), stretched.std(axis=0))

    def to_scores(self, accuracy_percent: FloatArray) -> FloatArray:
        """Scores of accuracies ``[…, data sets]``, which lie below the ceiling."""
        score: FloatArray = (-np.log(self.ceiling - accuracy_percent) - self.centre) / self.spread
        return score

    def to_percent(self, score: FloatArray) -> FloatArray:
        """Accuracies of scores ``[…, data sets]``."""
        percent = self.ceiling - np.exp(-(score * self.spread + self.centre))
        clipped: FloatArray = np.clip(percent, 0.0, 100.0)
        return clipped


@dataclass(frozen=True, slots=True)
class CellEnsemble:
    """Networks over cells whose scores are averaged; arrays have a leading ``[members]``."""

    weights: Mapping[str, AnyArray]
    scale: AccuracyScale
    chance_percent: FloatArray
    """Of a cell that nothing flows through, per data set: known, so not learned."""

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """Accuracies ``[n, data sets]`` of genotypes ``[n, 6]``."""
        # Cells of one signature score the same: score one of each.
        signatures = cell_signatures(genes)
        _, first, of = np.unique(signatures, return_index=True, return_inverse=True)
        distinct = genes[first]
        members = len(self.weights["input"])
        total: FloatArray = np.zeros((len(distinct), len(self.scale.ceiling)))
        for member in range(members):
            one = {name: array[member] for name, array in self.weights.items()}
            for start in range(0, len(distinct), BATCH):
                part = slice(start, start + BATCH)
                total[part] += scores(one, distinct[part], np)
        percent: FloatArray = self.scale.to_percent(total / members)[of]
        percent[signatures == DISCONNECTED] = self.chance_percent
        return percent

    def save(self, path: Path) -> None:
        """Writes the arrays as ``.npz``, without pickles."""
        arrays: dict[str, Any] = {f"weight.{name}": each for name, each in self.weights.items()}
        arrays |= {"format": np.array(FORMAT), **asdict(self.scale)}
        arrays["chance_percent"] = self.chance_percent
        np.savez_compressed(path, **arrays)


def load_ensemble(file: Traversable) -> CellEnsemble:
    """Reads what ``CellEnsemble.save`` wrote; raises ``BadCheckpoint``."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, BadZipFile, EOFError) as error:
        raise BadCheckpoint(f"{file}: not an accuracy model ({error})") from None
    if str(arrays.pop("format", "")) != FORMAT:
        raise BadCheckpoint(f"{file}: not an accuracy model of the format {FORMAT!r}")
    weights = {
        name.removeprefix("weight."): arrays[name] for name in arrays if name.startswith("weight.")
    }
    _check_weights(file, weights, arrays)
    scale = AccuracyScale(arrays["ceiling"], arrays["centre"], arrays["spread"])
    return CellEnsemble(weights, scale, arrays["chance_percent"])


def _check_weights(
    file: Traversable, weights: Mapping[str, AnyArray], arrays: Mapping[str, AnyArray]
) -> None:
    edge = weights.get("edge_in", np.empty(0))
    if edge.ndim != 4:
        raise BadCheckpoint(f"{file}: damaged accuracy model (no weights 'edge_in')")
    members, _, width, hidden = edge.shape
    expected: dict[str, tuple[int, ...]] = {
        f"weight.{name}": (members, *shape)
        for name, shape in weight_shapes(width, hidden, len(DATASETS)).items()
    }
    expected |= dict.fromkeys(("ceiling", "centre", "spread", "chance_percent"), (len(DATASETS),))
    for name, shape in expected.items():
        if name not in arrays or arrays[name].shape != shape:
            raise BadCheckpoint(f"{file}: damaged accuracy model ({name!r} is not {shape})")
        if not np.isfinite(arrays[name]).all():
            raise BadCheckpoint(f"{file}: damaged accuracy model ({name!r} is not finite)")


@dataclass(frozen=True, slots=True)
class ModelAccuracy:
    """One data set of an ensemble, as an accuracy source."""

    name: str
    ensemble: CellEnsemble
    output: int
    provenance: Mapping[str, Any]
    """How the model was trained and how well it does on cells that it did not see."""

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """Predicted test accuracies ``[n]`` in percent of genotypes ``[n, 6]``."""
        return self.ensemble.accuracy_percent(genes)[:, self.output]


def load_shipped_accuracy(space_name: str) -> AccuracySource | None:
    """The accuracy source that ships for a search space; none for most spaces."""
    if space_name == SHIPPED_OFA:
        return load_shipped_ofa_accuracy()
    return load_shipped_cells(space_name) if space_name in DATASETS else None


def load_shipped_cells(space_name: str) -> ModelAccuracy:
    """The model of one of the three NAS-Bench-201 spaces."""
    folder = files("help_core") / "assets" / "accuracy"
    provenance = json.loads((folder / f"{SHIPPED}.json").read_text(encoding="utf-8"))
    dataset = DATASETS[space_name]
    return ModelAccuracy(
        name=f"shipped model, {dataset}",
        ensemble=load_ensemble(folder / f"{SHIPPED}.npz"),
        output=list(DATASETS).index(space_name),
        provenance=provenance,
    )
