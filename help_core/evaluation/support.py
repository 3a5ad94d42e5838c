"""Choosing the support set, and the one door through which a target's latencies pass."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.evaluation.records import SupportStrategy
from help_core.predictors.base import Predictor, Support
from help_core.predictors.design import SupportDesigner


@dataclass(slots=True)
class Target:
    """A device that a table replays. Only ``measure`` gives its latencies away, and counts."""

    device: str
    genes: IntArray
    latency_ms: FloatArray
    measured: set[int] = field(default_factory=set)

    def measure(self, rows: IntArray) -> Support:
        """The support set of those rows; raises ``BadInput`` where the table has a gap."""
        latency_ms = self.latency_ms[rows]
        if not np.isfinite(latency_ms).all():
            raise BadInput(
                f"column {self.device!r}: row {int(rows[~np.isfinite(latency_ms)][0])} is a gap"
            )
        self.measured.update(int(row) for row in rows)
        return Support(self.genes[rows], latency_ms)

    def rows_of(self, genes: IntArray) -> IntArray:
        """The rows that hold those genotypes ``[k, genes]``; raises ``BadInput``."""
        index = {row.tobytes(): number for number, row in enumerate(self.genes)}
        found = [index.get(row.tobytes(), -1) for row in np.asarray(genes, dtype=np.int64)]
        missing = [
            k for k, row in enumerate(found) if row < 0 or not np.isfinite(self.latency_ms[row])
        ]
        if missing:
            raise BadInput(
                f"column {self.device!r}: {len(missing)} of {len(found)} wanted support"
                " architectures have no latency in the table,"
                f" first {genes[missing[0]].tolist()}; use --support random"
            )
        return np.array(found, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class SupportSource:
    """Where supports of one target come from: rows of its table."""

    pool: IntArray
    """Rows that a random support is drawn from."""
    candidates: IntArray
    """Rows that a designed support is chosen from, without a look at their latencies."""
    references: IntArray
    """Genotypes of the space's reference architectures."""


def gather_support(
    strategy: SupportStrategy,
    target: Target,
    source: SupportSource,
    predictor: Predictor,
    samples: int,
    rng: np.random.Generator,
) -> Support:
    """Measures ``samples`` architectures of the target as the strategy says."""
    if strategy == "sequential":
        return _sequential(target, source, predictor, samples, rng)
    if strategy == "random":
        rows = _draw(source.pool, samples, target, rng)
    elif strategy == "reference":
        rows = _reference(target, source, samples, rng)
    elif strategy == "design":
        rows = _designed(target, source, predictor, samples, rng)
    else:
        raise BadInput(
            f"unknown support strategy {strategy!r}; use random, reference, design or sequential"
        )
    return target.measure(rows)


def _draw(pool: IntArray, samples: int, target: Target, rng: np.random.Generator) -> IntArray:
    if len(pool) < samples:
        raise BadInput(
            f"column {target.device!r}: {samples} support points asked for, {len(pool)} training"
            " architectures were measured on it; lower --samples or raise --train-architectures"
        )
    return rng.choice(pool, size=samples, replace=False)


def _reference(
    target: Target, source: SupportSource, samples: int, rng: np.random.Generator
) -> IntArray:
    """The references first; beyond their number, random ones (HELP's ten and ten)."""
    references = target.rows_of(source.references[:samples])
    rest = np.setdiff1d(source.pool, references)
    return np.concatenate([references, _draw(rest, samples - len(references), target, rng)])


def _designed(
    target: Target,
    source: SupportSource,
    predictor: Predictor,
    samples: int,
    rng: np.random.Generator,
) -> IntArray:
    if isinstance(predictor, SupportDesigner):
        candidates = source.candidates
        return candidates[predictor.design(target.genes[candidates], samples, rng)]
    return target.rows_of(predictor.support_genes(samples, rng))


def _sequential(
    target: Target,
    source: SupportSource,
    predictor: Predictor,
    samples: int,
    rng: np.random.Generator,
) -> Support:
    """Designs the first half, at least two, then asks for one at a time."""
    if not isinstance(predictor, SupportDesigner):
        raise BadInput(
            f"{predictor.name} cannot choose the next architecture to measure; use --support design"
        )
    rows = _designed(target, source, predictor, min(samples, max(2, samples // 2)), rng)
    while len(rows) < samples:
        left = np.setdiff1d(source.candidates, rows)
        if not len(left):
            raise BadInput(f"column {target.device!r}: no architecture is left to measure")
        pick = predictor.next_candidate(target.measure(rows), target.genes[left], rng)
        rows = np.append(rows, left[pick])
    return target.measure(rows)
