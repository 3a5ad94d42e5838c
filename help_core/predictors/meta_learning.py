"""Meta-training of HELP, MAML and Meta-SGD from any latency table, by predictor name.

A table need not hold the reference architectures, nor all of them on every device: what is
missing is taken from the device's own denoised table, so nothing but training data is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from help_core.errors import BadInput, BadTable
from help_core.predictors.help.checkpoint import CheckpointRecord
from help_core.predictors.help.data import MetaData, meta_data
from help_core.predictors.help.learner import MetaLearner
from help_core.predictors.help.meta_train import Progress, meta_train
from help_core.predictors.help.predictor import HelpPredictor
from help_core.predictors.help.settings import (
    AS_PUBLISHED,
    CORRECTED,
    MAML,
    META_SGD,
    HelpSettings,
)
from help_core.predictors.transfer.basis import Basis, joined
from help_core.predictors.transfer.tables import DeviceTables
from help_core.spaces.base import GeneSpace
from help_core.tables.latency import LatencyTable

SETTINGS: Mapping[str, HelpSettings] = {
    "help": CORRECTED,
    "help-as-published": AS_PUBLISHED,
    "maml": MAML,
    "meta-sgd": META_SGD,
}
POOL_SHARE = 0.8
"""Of the architectures, what trains where nothing is said; the rest validates."""
FEWEST_QUERIES = 10
EVERY_HELD_OUT = 4


@dataclass(frozen=True, slots=True)
class MetaRun:
    """One meta-training. All of it is plain data, so that it can run in another process."""

    predictor: str
    space: GeneSpace
    table: LatencyTable
    validation_devices: tuple[str, ...] = ()
    """Devices that pick the best episode; every fourth of the table if none is named."""
    seed: int = 0
    episodes: int | None = None
    train_architectures: int | None = None
    torch_device: str = "cpu"
    state_file: Path | None = None
    """Where the run is saved to go on from; see ``meta_train``."""


@dataclass(frozen=True, slots=True)
class MetaResult:
    """The meta-learner of the best episode and where it comes from."""

    learner: MetaLearner
    record: CheckpointRecord

    @property
    def mean_spearman(self) -> float:
        """Over the validation devices."""
        return float(np.mean(list(self.record.spearman.values())))

    def predictor(self, name: str, space: GeneSpace) -> HelpPredictor:
        """Ready to be adapted."""
        return HelpPredictor(space, self.learner, self.record, name)


def meta_learn(
    run: MetaRun, on_progress: Callable[[Progress], None] = lambda progress: None
) -> MetaResult:
    """Meta-trains; raises ``BadInput`` or ``BadTable`` if there is too little to learn from."""
    validation = run.validation_devices or held_out(run.table.devices)
    training = tuple(name for name in run.table.devices if name not in validation)
    if not training or not validation:
        raise BadInput(
            f"{run.predictor} is meta-trained on some devices and picks its best episode on"
            f" others: give 2 or more, not {', '.join(run.table.devices) or 'none'}"
        )
    data = meta_data(with_references(run.space, run.table), run.space)
    train, validate = data.select(training), data.select(validation)
    settings = _settings(run, train)
    found = meta_train(
        train,
        validate,
        settings,
        seed=run.seed,
        on_progress=on_progress,
        state_file=run.state_file,
        torch_device=torch.device(run.torch_device),
    )
    record = CheckpointRecord(
        space=run.space.name,
        feature_width=data.features.shape[1],
        settings=found.learner.settings,
        training_devices=training,
        validation_devices=validation,
        seed=run.seed,
        episode=found.episode,
        spearman=found.validation.spearman,
        error=found.validation.error,
        bias=found.validation.bias,
        data_sha256={"training": train.digest(), "validation": validate.digest()},
    )
    return MetaResult(found.learner, record)


def held_out(devices: tuple[str, ...]) -> tuple[str, ...]:
    """Every fourth device, the last one if there are fewer; none if there is only one."""
    if len(devices) < 2:
        return ()
    return devices[EVERY_HELD_OUT - 1 :: EVERY_HELD_OUT] or devices[-1:]


def with_references(space: GeneSpace, table: LatencyTable) -> LatencyTable:
    """The table with all reference architectures on every device.

    A latency that it lacks is the one that the device's denoised table predicts.
    """
    rows = {architecture: row for row, architecture in enumerate(table.architectures)}
    references = space.reference_architectures()
    added = tuple(one for one in references if one not in rows)
    gaps = [rows[one] for one in references if one in rows]
    gaps = [row for row in gaps if not np.isfinite(table.latency_ms[row]).all()]
    if not added and not gaps:
        return table
    architectures = (*table.architectures, *added)
    genes = space.to_genes(architectures)
    basis = Basis.fit(space, genes[: len(rows)])
    features = joined(basis.parts(genes))
    tables = DeviceTables.fit(table.devices, [features[: len(rows)]], table.latency_ms)
    relative = tables.predict(features)
    scale_ms = np.nanmedian(table.latency_ms / relative[: len(rows)], axis=0)
    latency_ms = np.vstack([table.latency_ms, np.full((len(added), len(table.devices)), np.nan)])
    filled = [*gaps, *range(len(rows), len(architectures))]
    known = np.isfinite(latency_ms[filled])
    latency_ms[filled] = np.where(known, latency_ms[filled], relative[filled] * scale_ms)
    return LatencyTable(table.space, architectures, table.devices, latency_ms)


def _settings(run: MetaRun, train: MetaData) -> HelpSettings:
    """The predictor's settings, with pool and queries that fit the table."""
    base = SETTINGS[run.predictor]
    rows = len(run.table.architectures)
    pool = run.train_architectures or int(POOL_SHARE * rows)
    if pool > rows - FEWEST_QUERIES:
        raise BadInput(
            f"{pool} training architectures asked for, the table has {rows};"
            f" leave {FEWEST_QUERIES} or more to validate on"
        )
    present = np.isfinite(train.latency_ms[:pool])
    usable = int(present.all(axis=1).sum() if base.mixing else present.sum(axis=0).min())
    queries = int(usable * (1 - 2 * base.trim_share)) - base.support_size - base.references
    if queries < FEWEST_QUERIES:
        raise BadTable(
            f"{usable} architectures of the training pool were measured on every training device;"
            f" {run.predictor} needs {base.support_size + base.references + FEWEST_QUERIES} or more"
        )
    return replace(
        base,
        pool=pool,
        query_size=min(base.query_size, queries),
        episodes=run.episodes or base.episodes,
    )
