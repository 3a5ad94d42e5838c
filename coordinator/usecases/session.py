"""What one request to adapt has learned so far, and what it wants to know next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import numpy as np

from coordinator.store import StoredMeasurement
from coordinator.usecases.candidates import Field, Knowledge, Scorer, make_field
from coordinator.usecases.measure import Measured
from coordinator.usecases.quantities import Limited, Quantity, latency, limited, require
from coordinator.usecases.support import support_of
from help_core.arrays import FloatArray, IntArray
from help_core.predictors.base import AdaptedPredictor, Prediction
from help_core.records import AdaptOrder, Objective
from help_core.search.confirm import (
    Candidates,
    Next,
    most_promising,
    probability_below,
    worth_measuring,
)
from help_core.search.front import latency_levels
from help_core.search.goals import Goal, confirmed, predicted_best

DEFAULT_LEVELS = 4
EVEN_CHANCE = 0.5

ByName: TypeAlias = Mapping[str, StoredMeasurement]


@dataclass(frozen=True, slots=True)
class Belief:
    """What was predicted of an architecture at some moment."""

    latency_ms: float
    low_ms: float
    high_ms: float


class Session:
    """Mutable; used by one request, one step at a time."""

    def __init__(
        self, order: AdaptOrder, knowledge: Knowledge, support: Mapping[str, ByName]
    ) -> None:
        """``support`` has the measurements of each device.

        Raises ``BadInput`` where a device cannot judge a limit, ``NothingMeets`` where no
        candidate keeps the limits on paper.
        """
        self.order = order
        self.knowledge = knowledge
        self.support = {device: dict(support[device]) for device in order.devices}
        self.confirmations: dict[str, dict[int, StoredMeasurement]] = {
            device: {} for device in order.devices
        }
        self.failed: set[int] = set()
        self.spent = 0
        self.objective = knowledge.objective(order)
        self.latency: Quantity = latency(order.percentile)
        self.limited: tuple[Limited, ...] = limited(order)
        self._believed: dict[tuple[str, int], Belief] = {}
        scorer = Scorer(knowledge, order, self.objective)
        measured = [name for stored in self.support.values() for name in stored]
        by_device = [self._adapted(device, self.latency) for device in order.devices]

        def latency_ms(genes: IntArray) -> FloatArray:
            slowest: FloatArray = np.max(
                [one.predict(genes).latency_ms for one in by_device], axis=0
            )
            return slowest

        self.field: Field = make_field(scorer, self._genes(measured), latency_ms, self.asked())
        self._support_rows = {
            device: {self.field.index_of(name): one for name, one in stored.items()}
            for device, stored in self.support.items()
        }
        self.candidates = self._candidates()
        self.goals = self.asked() or self._levels()

    def asked(self) -> tuple[Goal, ...]:
        """The goals that the user names."""
        order = self.order
        limits = tuple(sorted(set(order.max_latency_ms)))
        limit_ms = limits[0] if limits else inf
        if order.min_accuracy_percent:
            wanted = sorted(set(order.min_accuracy_percent))
            return tuple(Goal(limit_ms, accuracy, fastest=True) for accuracy in wanted)
        if order.whole_front:
            return (Goal(limit_ms, front=True),)
        if self.objective is Objective.LATENCY:
            return (Goal(limit_ms, fastest=True),)
        return tuple(Goal(limit) for limit in limits)

    def _levels(self) -> tuple[Goal, ...]:
        """Limits spread over what the device can do."""
        latency_ms = self.candidates.slowest.latency_ms
        levels = latency_levels(latency_ms, self.field.score, DEFAULT_LEVELS)
        return tuple(Goal(float(level)) for level in levels)

    def _genes(self, names: Sequence[str]) -> IntArray:
        space = self.knowledge.space
        return space.to_genes([space.parse(name) for name in names])

    def _adapted(self, device: str, quantity: Quantity) -> AdaptedPredictor:
        """The predictor of a quantity, from everything that was measured on a device."""
        stored = [*self.support[device].values(), *self.confirmations[device].values()]
        support = support_of(self.knowledge.space, stored, quantity)
        return self.knowledge.predictor.adapt(support, np.random.default_rng(self.order.seed))

    def _candidates(self) -> Candidates:
        """Everything that is believed of the candidates, given all that was measured."""
        genes, devices = self.field.genes, self.order.devices
        predictions = [self._adapted(device, self.latency).predict(genes) for device in devices]
        chance = np.ones(len(genes))
        for one in self.limited:
            for device in devices:
                prediction = self._adapted(device, one.quantity).predict(genes)
                chance *= probability_below(prediction, one.limit)
        return Candidates(tuple(predictions), self.field.score, chance)

    @property
    def prediction(self) -> Prediction:
        """Of all candidates on the slowest device, after what was measured last."""
        return self.candidates.slowest

    def stored(self, device: str) -> dict[int, StoredMeasurement]:
        """What was measured on a device, by row."""
        return self._support_rows[device] | self.confirmations[device]

    def measured_ms(self) -> dict[int, float]:
        """Latencies on the slowest device of what was measured on all of them, by row."""
        return self._measured(strict=False)

    def kept_ms(self) -> dict[int, float]:
        """As ``measured_ms``; infinite where another limit was broken, or nothing measured."""
        return self._measured(strict=True) | dict.fromkeys(self.failed, inf)

    def _measured(self, *, strict: bool) -> dict[int, float]:
        by_device = {device: self.stored(device) for device in self.order.devices}
        common = set.intersection(*(set(rows) for rows in by_device.values()))
        found: dict[int, float] = {}
        for row in sorted(common):
            latencies = [
                require(self.latency, device, rows[row].measurement)
                for device, rows in by_device.items()
            ]
            broken = strict and any(
                require(one.quantity, device, rows[row].measurement) > one.limit
                for one in self.limited
                for device, rows in by_device.items()
            )
            found[row] = inf if broken else max(latencies)
        return found

    def belief(self, device: str, index: int) -> Belief:
        """What was predicted before the architecture was measured, or else now."""
        return self._believed.get((device, index)) or self._belief_now(device, index)

    def _belief_now(self, device: str, index: int) -> Belief:
        prediction = self.candidates.latency[self.order.devices.index(device)]
        return Belief(
            float(prediction.latency_ms[index]),
            float(prediction.low_ms[index]),
            float(prediction.high_ms[index]),
        )

    def promise(self, goal: Goal) -> Next | None:
        """The candidate that promises most for a goal."""
        return most_promising(self.candidates, self.kept_ms(), goal, self.order.top)

    def is_open(self, goal: Goal) -> bool:
        """Whether a candidate is worth measuring for a goal."""
        return worth_measuring(self.promise(goal), goal, self.field.min_gain)

    def wanted(self) -> dict[str, int]:
        """The candidates to measure next, one a goal, by name, within the budget."""
        rows: list[int] = []
        for goal in self.goals:
            found = self.promise(goal)
            if found is not None and worth_measuring(found, goal, self.field.min_gain):
                rows.append(found.index)
        left = self.order.budget(len(self.goals)) - self.spent
        return {str(self.field.architecture(row)): row for row in list(dict.fromkeys(rows))[:left]}

    def take(self, names: Mapping[str, int], measured: Mapping[str, Measured]) -> None:
        """Learns from what each device measured of ``names`` and adapts again."""
        self.spent += len(names)
        for name, index in names.items():
            for device in self.order.devices:
                stored = measured[device].measurements.get(name)
                if stored is None:
                    self.failed.add(index)
                else:
                    self._believed[device, index] = self._belief_now(device, index)
                    self.confirmations[device][index] = stored
        self.candidates = self._candidates()

    def chosen(self, goal: Goal) -> list[int]:
        """The rows to show for a goal: measured within it, or predicted if not verified."""
        score, top = self.field.score, self.order.top
        if self.order.verify:
            return confirmed(score, self.kept_ms(), goal, top)
        allowed = np.where(self.candidates.chance >= EVEN_CHANCE, score, np.nan)
        return predicted_best(allowed, self.prediction.latency_ms, goal, top)
