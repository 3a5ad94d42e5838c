"""What one request to adapt has learned so far, and what it wants to know next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from coordinator.store import StoredMeasurement
from coordinator.usecases.candidates import Field, Knowledge, make_field
from coordinator.usecases.measure import Measured
from help_core.predictors.base import Prediction, Support
from help_core.records import AdaptOrder
from help_core.search.confirm import Candidates, confirmed, next_candidate
from help_core.search.front import latency_levels

DEFAULT_LEVELS = 4


@dataclass(frozen=True, slots=True)
class Belief:
    """What was predicted of an architecture at some moment."""

    latency_ms: float
    low_ms: float
    high_ms: float


class Session:
    """Mutable; used by one request, one step at a time."""

    def __init__(
        self, order: AdaptOrder, knowledge: Knowledge, support: Mapping[str, StoredMeasurement]
    ) -> None:
        self.order = order
        self.knowledge = knowledge
        self.support = dict(support)
        self.confirmations: dict[int, StoredMeasurement] = {}
        self.failed: set[int] = set()
        self.spent = 0
        self._believed: dict[int, Belief] = {}
        space = knowledge.space
        measured = space.to_genes([space.parse(name) for name in support])
        self.field: Field = make_field(knowledge, measured, np.random.default_rng(order.seed))
        self.candidates = self._adapt()

    def _adapt(self) -> Candidates:
        """Adapts the predictor to everything that was measured and scores the candidates."""
        space = self.knowledge.space
        stored = [*self.support.values(), *self.confirmations.values()]
        genes = space.to_genes([space.parse(one.architecture) for one in stored])
        latency_ms = np.array([one.measurement.summary.median_ms for one in stored])
        rng = np.random.default_rng(self.order.seed)
        adapted = self.knowledge.predictor.adapt(Support(genes, latency_ms), rng)
        return Candidates(adapted.predict(self.field.genes), self.field.score)

    @property
    def prediction(self) -> Prediction:
        """Of all candidates, after what was measured last."""
        return self.candidates.prediction

    def measured_ms(self) -> dict[int, float]:
        """Measured latencies by row."""
        support = {self.field.index_of(name): one for name, one in self.support.items()}
        return {
            index: stored.measurement.summary.median_ms
            for index, stored in (support | self.confirmations).items()
        }

    def belief(self, index: int) -> Belief:
        """What was predicted before the architecture was measured, or else now."""
        return self._believed.get(index) or self._belief_now(index)

    def _belief_now(self, index: int) -> Belief:
        prediction = self.prediction
        return Belief(
            float(prediction.latency_ms[index]),
            float(prediction.low_ms[index]),
            float(prediction.high_ms[index]),
        )

    def limits(self) -> tuple[float, ...]:
        """The user's limits, or levels spread over what the device can do."""
        if self.order.max_latency_ms:
            return tuple(sorted(set(self.order.max_latency_ms)))
        levels = latency_levels(self.prediction.latency_ms, self.field.score, DEFAULT_LEVELS)
        return tuple(float(level) for level in levels)

    def next_for(self, limit_ms: float) -> int | None:
        """The candidate worth measuring next for a limit, if any."""
        seen = self.measured_ms() | dict.fromkeys(self.failed, np.inf)
        return next_candidate(self.candidates, seen, limit_ms, self.order.top, self.field.min_gain)

    def wanted(self, limits: Sequence[float]) -> dict[str, int]:
        """The candidates to measure next, one a limit, by name, within the budget."""
        found = dict.fromkeys(self.next_for(limit) for limit in limits)
        rows = [index for index in found if index is not None]
        left = self.order.budget(len(limits)) - self.spent
        return {str(self.field.architecture(index)): index for index in rows[:left]}

    def take(self, names: Mapping[str, int], measured: Measured) -> None:
        """Learns from what was measured of ``names`` and adapts the predictor again."""
        self.spent += len(names)
        for name, index in names.items():
            stored = measured.measurements.get(name)
            if stored is None:
                self.failed.add(index)
            else:
                self._believed[index] = self._belief_now(index)
                self.confirmations[index] = stored
        self.candidates = self._adapt()

    def chosen(self, limit_ms: float) -> list[int]:
        """The rows to show for a limit: measured within it, or predicted if not verified."""
        if self.order.verify:
            return confirmed(self.candidates, self.measured_ms(), limit_ms, self.order.top)
        scored = np.isfinite(self.field.score)
        within = np.flatnonzero(scored & (self.prediction.latency_ms <= limit_ms))
        ranked = within[np.argsort(-self.field.score[within], kind="stable")]
        return [int(index) for index in ranked[: self.order.top]]
