"""What is known before a device is seen: the training devices, and physics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.transfer.attribution import Attribution
from help_core.predictors.transfer.basis import Basis, joined
from help_core.predictors.transfer.choices import one_hot
from help_core.predictors.transfer.dictionary import Dictionary, Kind, Layout
from help_core.predictors.transfer.tables import DeviceTables
from help_core.spaces.base import GeneSpace
from help_core.tables.latency import LatencyTable

REFERENCES = 1000
"""Architectures that scales are taken over and supports are chosen from, at most."""

FIXED_SHARE = 0.4
"""Of the paper machine's latency, what does not depend on the architecture."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Makes the dictionary of any architectures of its space."""

    basis: Basis
    tables: DeviceTables
    references: IntArray
    """Genotypes ``[r, genes]`` that all scales are relative to."""
    paper_means: FloatArray
    attribution: Attribution
    residuals: FloatArray
    """How much of each training device is the mean device, ``[devices]``."""
    centres: tuple[FloatArray, ...]
    norms: tuple[float, ...]

    @classmethod
    def learn(cls, space: GeneSpace, table: LatencyTable) -> Knowledge:
        """From the tables of training devices, of which there may be none."""
        genes = space.to_genes(table.architectures)
        basis = Basis.fit(space, genes)
        features = joined(basis.parts(genes))
        tables = DeviceTables.fit(table.devices, features, table.latency_ms)
        rows = np.random.default_rng(0).permutation(len(genes))[:REFERENCES]
        return cls.derive(basis, tables, genes[np.sort(rows)])

    @classmethod
    def derive(cls, basis: Basis, tables: DeviceTables, references: IntArray) -> Knowledge:
        """Everything that follows from the denoised tables; deterministic."""
        space = basis.space
        paper_means = space.features(references, "physics").mean(axis=0)
        devices = _devices(basis, tables, paper_means, references)
        mean = devices.mean(axis=1) - 1
        hot = one_hot(space, references)
        attribution = Attribution.fit(space, hot, mean)
        residuals = mean @ (devices - 1) / (mean @ mean)
        draft = cls(basis, tables, references, paper_means, attribution, residuals, (), ())
        parts = draft._parts(references, devices)
        centres = tuple(part.mean(axis=0) for part in parts)
        norms = tuple(_norm(part - centre) for part, centre in zip(parts, centres, strict=True))
        return replace(draft, centres=centres, norms=norms)

    @property
    def layout(self) -> Layout:
        """The kinds of the dictionary's terms."""
        devices = len(self.tables.devices)
        columns: list[Kind] = ["constant", "mean"]
        columns += ["device"] * (devices if devices > 1 else 0)
        columns += ["physics"] * len(self.basis.physics.kept)
        return Layout(1 + devices, tuple(columns), ("choices", "curved", "by_choice", "by_gene"))

    def dictionary(self, genes: IntArray) -> Dictionary:
        """The terms over genotypes ``[n, genes]``."""
        devices = _devices(self.basis, self.tables, self.paper_means, genes)
        parts = self._parts(genes, devices)
        scaled = [
            (part - centre) * norm
            for part, centre, norm in zip(parts, self.centres, self.norms, strict=True)
        ]
        mean = devices.mean(axis=1)
        anchors = np.column_stack([mean, devices]) if self.tables.devices else mean[:, None]
        columns = np.column_stack([np.ones(len(genes)), *scaled[:3]])
        return Dictionary(anchors, columns, tuple(scaled[3:]))

    def _parts(self, genes: IntArray, devices: FloatArray) -> tuple[FloatArray, ...]:
        """Mean, device residuals, physics; then the four fields; all unscaled."""
        mean = devices.mean(axis=1)[:, None]
        residual = devices - mean * self.residuals
        if devices.shape[1] < 2:
            residual = np.empty((len(genes), 0))
        choices, physics, curved = self.basis.parts(genes)
        return (
            mean,
            residual,
            physics,
            choices,
            curved,
            *self.attribution.features(one_hot(self.basis.space, genes)),
        )


def _norm(centred: FloatArray) -> float:
    """One over the root mean square of the columns together.

    Columns of a kind share one norm, so that a training device which deviates more from the
    mean device is allowed to matter more.
    """
    square = float((centred**2).sum(axis=1).mean()) if centred.size else 0.0
    return 1 / np.sqrt(square) if square > 0 else 0.0


def _devices(
    basis: Basis, tables: DeviceTables, paper_means: FloatArray, genes: IntArray
) -> FloatArray:
    """Relative latencies ``[n, devices]``; of the paper machine where there is no device."""
    if tables.devices:
        return tables.predict(joined(basis.parts(genes)))
    physics = basis.space.features(genes, "physics")
    useful = (paper_means > 0) & np.isin(np.arange(len(paper_means)), basis.physics.kept)
    work = (physics[:, useful] / paper_means[useful]).mean(axis=1)
    paper: FloatArray = (FIXED_SHARE + (1 - FIXED_SHARE) * work)[:, None]
    return paper
