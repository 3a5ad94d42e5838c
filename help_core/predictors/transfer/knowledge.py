"""What is known before a device is seen: the training devices, and physics."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.transfer.attribution import Attribution
from help_core.predictors.transfer.basis import Basis, joined
from help_core.predictors.transfer.choices import one_hot
from help_core.predictors.transfer.dictionary import Dictionary, Kind, Layout
from help_core.predictors.transfer.learned import Learned
from help_core.predictors.transfer.paper import PaperMachine
from help_core.predictors.transfer.readings import executed, readings
from help_core.predictors.transfer.simulated import SimulatedDevices
from help_core.predictors.transfer.tables import DeviceTables
from help_core.spaces.base import GeneSpace
from help_core.spaces.steps import SteppedSpace
from help_core.tables.latency import LatencyTable

COLUMN_PARTS = 4
"""How many of the parts are columns; the others are fields."""

REFERENCES = 1000
"""Architectures that scales are taken over and supports are chosen from, at most."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Makes the dictionary of any architectures of its space."""

    basis: Basis
    tables: DeviceTables
    references: IntArray
    """Genotypes ``[r, genes]`` that all scales are relative to."""
    paper: PaperMachine
    attribution: Attribution
    residuals: FloatArray
    """How much of each training device is the mean device, ``[devices]``."""
    centres: tuple[FloatArray, ...]
    norms: tuple[float, ...]
    simulated: SimulatedDevices | None = None
    """Where the space knows the steps of its layers."""
    learned: Learned = field(default_factory=Learned)

    @classmethod
    def learn(cls, space: GeneSpace, table: LatencyTable) -> Knowledge:
        """From the tables of training devices, of which there may be none."""
        genes = space.to_genes(table.architectures)
        basis = Basis.fit(space, genes)
        features = [joined(basis.parts(executed(space, genes, one))) for one in readings(space)]
        tables = DeviceTables.fit(table.devices, features, table.latency_ms)
        rows = np.random.default_rng(0).permutation(len(genes))[:REFERENCES]
        return cls.derive(basis, tables, genes[np.sort(rows)])

    @classmethod
    def derive(
        cls,
        basis: Basis,
        tables: DeviceTables,
        references: IntArray,
        simulated: SimulatedDevices | None = None,
    ) -> Knowledge:
        """Everything that follows from the denoised tables; deterministic.

        ``simulated`` follows from the references, and is given to save the time.
        """
        space = basis.space
        paper = PaperMachine.fit(space, references)
        devices = _devices(basis, tables, paper, references)
        mean = devices.mean(axis=1) - 1
        hot = one_hot(space, references)
        attribution = Attribution.fit(space, hot, mean)
        residuals = mean @ (devices - 1) / (mean @ mean)
        if simulated is None and isinstance(space, SteppedSpace):
            simulated = SimulatedDevices.draw(space, references)
        draft = cls(basis, tables, references, paper, attribution, residuals, (), (), simulated)
        parts = draft._parts(references, devices)
        centres = tuple(part.mean(axis=0) for part in parts)
        norms = tuple(_norm(part - centre) for part, centre in zip(parts, centres, strict=True))
        return replace(draft, centres=centres, norms=norms)

    @property
    def layout(self) -> Layout:
        """The kinds of the dictionary's terms."""
        devices = len(self.tables.devices)
        columns: list[Kind] = ["constant", "mean", "paper"]
        columns += ["device"] * (devices if devices > 1 else 0)
        columns += ["physics"] * len(self.basis.physics.kept)
        fields: list[Kind] = ["choices", "curved", "by_choice", "by_gene"]
        fields += ["simulated"] * (self.simulated is not None)
        return Layout(2 + devices, tuple(columns), tuple(fields))

    def dictionary(self, genes: IntArray) -> Dictionary:
        """The terms over genotypes ``[n, genes]``."""
        devices = _devices(self.basis, self.tables, self.paper, genes)
        parts = self._parts(genes, devices)
        scaled = [
            (part - centre) * norm
            for part, centre, norm in zip(parts, self.centres, self.norms, strict=True)
        ]
        mean = devices.mean(axis=1)
        known = devices[:, : len(self.tables.devices)]
        anchors = np.column_stack([mean, parts[1], known])
        columns = np.column_stack([np.ones(len(genes)), *scaled[:COLUMN_PARTS]])
        return Dictionary(anchors, columns, tuple(scaled[COLUMN_PARTS:]))

    def _parts(self, genes: IntArray, devices: FloatArray) -> tuple[FloatArray, ...]:
        """Mean, paper, device residuals, physics; then the four fields; all unscaled."""
        mean = devices.mean(axis=1)[:, None]
        residual = devices - mean * self.residuals
        if devices.shape[1] < 2:
            residual = np.empty((len(genes), 0))
        choices, physics, curved = self.basis.parts(genes)
        simulated: tuple[FloatArray, ...] = ()
        if self.simulated is not None and isinstance(self.basis.space, SteppedSpace):
            simulated = (self.simulated.deviations(self.basis.space, genes),)
        return (
            mean,
            self.paper.latency(self.basis.space, genes)[:, None],
            residual,
            physics,
            choices,
            curved,
            *self.attribution.features(one_hot(self.basis.space, genes)),
            *simulated,
        )


def _norm(centred: FloatArray) -> float:
    """One over the root mean square of the columns together.

    Columns of a kind share one norm, so that a training device which deviates more from the
    mean device is allowed to matter more.
    """
    square = float((centred**2).sum(axis=1).mean()) if centred.size else 0.0
    return 1 / np.sqrt(square) if square > 0 else 0.0


def _devices(
    basis: Basis, tables: DeviceTables, paper: PaperMachine, genes: IntArray
) -> FloatArray:
    """Relative latencies ``[n, devices]``; of the paper machine where there is no device."""
    if tables.devices:
        return tables.predict(joined(basis.parts(genes)))
    return paper.latency(basis.space, genes)[:, None]
