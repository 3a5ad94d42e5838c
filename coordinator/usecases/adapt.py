"""From a device's name to the most accurate architectures within its limits.

Measure the support set, adapt the predictor, score the space, then measure the candidates
that promise most until the answer is confirmed: what is shown has been measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np

from coordinator.clock import Clock
from coordinator.store import Adaptation, Store, StoredMeasurement
from coordinator.usecases.candidates import Knowledge, Scored, load_knowledge, score_space
from coordinator.usecases.measure import Measured, Measuring
from help_core.errors import MeasurementFailed, NothingMeets
from help_core.predictors.base import Support
from help_core.records import (
    AdaptOrder,
    Answer,
    CloudPoint,
    LimitOutcome,
    MeasuredPoint,
    Pick,
    Progress,
    Purpose,
    Verdict,
)
from help_core.records.orders import MIN_SUPPORT
from help_core.search.confirm import confirmed, next_candidate
from help_core.search.front import latency_levels, pareto_front

DEFAULT_LEVELS = 4
CLOUD_POINTS = 2000


@dataclass(slots=True)
class _Confirmation:
    """What the confirming measurements have brought so far."""

    measured_ms: dict[int, float] = field(default_factory=dict)
    points: list[MeasuredPoint] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    spent: int = 0


class Adapting:
    """The use case ``adapt``."""

    def __init__(self, store: Store, clock: Clock, measuring: Measuring) -> None:
        self._store = store
        self._clock = clock
        self._measuring = measuring

    async def adapt(self, order: AdaptOrder) -> AsyncGenerator[Progress | Answer]:
        """Progress, then the answer.

        Raises ``NotFound``, ``BadInput``, ``MeasurementFailed`` (too little could be measured)
        and ``NothingMeets``.
        """
        begin_s = self._clock.now_s()
        await asyncio.to_thread(self._store.device, order.device, begin_s)
        knowledge = await asyncio.to_thread(load_knowledge, order.space, order.predictor)
        notes: list[str] = []
        support: dict[str, StoredMeasurement] = {}
        async with aclosing(self._measure_support(order, knowledge, notes)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    yield event
                else:
                    support = event
        yield Progress("adapt", 0, 1, f"adapting {knowledge.predictor.name} to {order.device}")
        await self._remember(order, knowledge, tuple(support))
        scored = await asyncio.to_thread(_score, knowledge, order, support)
        limits = _limits(order, scored)
        confirmation = _Confirmation()
        if order.verify:
            known = _index_measured(scored, support)
            confirmation.measured_ms.update(known)
            async with aclosing(self._confirm(order, scored, limits, confirmation)) as steps:
                async for progress in steps:
                    yield progress
        yield _answer(
            order,
            knowledge,
            scored,
            limits,
            support,
            confirmation,
            notes,
            self._clock.now_s() - begin_s,
        )

    async def _measure_support(
        self, order: AdaptOrder, knowledge: Knowledge, notes: list[str]
    ) -> AsyncGenerator[Progress | dict[str, StoredMeasurement]]:
        rng = np.random.default_rng(order.seed)
        genes = await asyncio.to_thread(knowledge.predictor.support_genes, order.samples, rng)
        names = [str(architecture) for architecture in knowledge.space.from_genes(genes)]
        async for event in self._measuring.measure(
            order.device, names, Purpose.SUPPORT, fresh=order.fresh
        ):
            if isinstance(event, Progress):
                yield event
            else:
                _check_support(order, event, notes)
                yield {
                    name: event.measurements[name] for name in names if name in event.measurements
                }

    async def _remember(
        self, order: AdaptOrder, knowledge: Knowledge, support: tuple[str, ...]
    ) -> None:
        adaptation = Adaptation(
            order.device, order.space, knowledge.predictor.name, order.seed, support
        )
        await asyncio.to_thread(self._store.set_adaptation, adaptation)

    async def _confirm(
        self,
        order: AdaptOrder,
        scored: Scored,
        limits: Sequence[float],
        confirmation: _Confirmation,
    ) -> AsyncGenerator[Progress]:
        budget = order.budget(len(limits))
        while confirmation.spent < budget:
            wanted = _wanted(order, scored, limits, confirmation)[: budget - confirmation.spent]
            if not wanted:
                return
            names = {str(scored.architecture(index)): index for index in wanted}
            measuring = self._measuring.measure(
                order.device, list(names), Purpose.WINNER, fresh=False
            )
            async with aclosing(measuring) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        done = confirmation.spent + event.done
                        yield Progress(event.phase, done, budget, event.message)
                    else:
                        _take(scored, names, event, confirmation)
            confirmation.spent += len(wanted)


def _check_support(order: AdaptOrder, measured: Measured, notes: list[str]) -> None:
    """Notes what has to be accepted; raises ``MeasurementFailed`` if too little is left."""
    for name, reason in measured.failures.items():
        notes.append(f"not measured: {name}: {reason}")
    if len(measured.measurements) < min(MIN_SUPPORT, order.samples):
        first = next(iter(measured.failures.items()), ("", "no measurement"))
        raise MeasurementFailed(
            f"{order.device} measured {len(measured.measurements)} of {order.samples}"
            f" reference architectures; first failure: {first[0]}: {first[1]}"
        )
    suspect = [
        stored
        for stored in measured.measurements.values()
        if stored.measurement.verdict is not Verdict.VALID
    ]
    if suspect:
        reasons = sorted({reason for stored in suspect for reason in stored.measurement.reasons})
        notes.append(
            f"{len(suspect)} of {len(measured.measurements)} support measurements are suspect"
            f" ({', '.join(reasons)})"
        )


def _score(
    knowledge: Knowledge, order: AdaptOrder, support: dict[str, StoredMeasurement]
) -> Scored:
    architectures = [knowledge.space.parse(name) for name in support]
    latency_ms = np.array([stored.measurement.summary.median_ms for stored in support.values()])
    given = Support(knowledge.space.to_genes(architectures), latency_ms)
    rng = np.random.default_rng(order.seed)
    adapted = knowledge.predictor.adapt(given, rng)
    return score_space(knowledge, adapted, rng)


def _limits(order: AdaptOrder, scored: Scored) -> tuple[float, ...]:
    if order.max_latency_ms:
        return tuple(sorted(set(order.max_latency_ms)))
    levels = latency_levels(
        scored.candidates.prediction.latency_ms, scored.candidates.score, DEFAULT_LEVELS
    )
    return tuple(float(level) for level in levels)


def _index_measured(scored: Scored, support: dict[str, StoredMeasurement]) -> dict[int, float]:
    found = {}
    for name, stored in support.items():
        index = scored.index_of(name)
        if index is not None:
            found[index] = stored.measurement.summary.median_ms
    return found


def _wanted(
    order: AdaptOrder, scored: Scored, limits: Sequence[float], confirmation: _Confirmation
) -> list[int]:
    """The next candidate of each limit, without repeats."""
    seen = dict(confirmation.measured_ms) | dict.fromkeys(confirmation.failed, np.inf)
    found = [
        next_candidate(scored.candidates, seen, limit, order.top, scored.min_gain)
        for limit in limits
    ]
    return list(dict.fromkeys(index for index in found if index is not None))


def _take(
    scored: Scored, names: dict[str, int], measured: Measured, confirmation: _Confirmation
) -> None:
    for name, index in names.items():
        stored = measured.measurements.get(name)
        if stored is None:
            confirmation.failed.add(index)
            continue
        latency_ms = stored.measurement.summary.median_ms
        confirmation.measured_ms[index] = latency_ms
        confirmation.points.append(
            MeasuredPoint(
                name,
                latency_ms,
                float(scored.candidates.prediction.latency_ms[index]),
                stored.measurement.verdict,
            )
        )


def _answer(
    order: AdaptOrder,
    knowledge: Knowledge,
    scored: Scored,
    limits: Sequence[float],
    support: dict[str, StoredMeasurement],
    confirmation: _Confirmation,
    notes: list[str],
    elapsed_s: float,
) -> Answer:
    picks: list[Pick] = []
    outcomes: list[LimitOutcome] = []
    for limit in limits:
        chosen = _chosen(order, scored, limit, confirmation)
        picks += [
            scored.pick(index, limit, confirmation.measured_ms.get(index)) for index in chosen
        ]
        outcomes.append(_outcome(order, limit, len(chosen), scored, confirmation))
    if not picks:
        raise NothingMeets(
            f"no architecture of {order.space} meets {min(limits):g} ms on {order.device};"
            f" {_lowest(scored, confirmation)}"
        )
    if not knowledge.accuracy_name:
        notes.append(
            f"{order.space} has no accuracy source: architectures are ranked by multiply-adds"
        )
    prediction = scored.candidates.prediction.latency_ms
    return Answer(
        device=order.device,
        space=order.space,
        predictor=knowledge.predictor.name,
        accuracy_source=knowledge.accuracy_name,
        picks=tuple(picks),
        limits=tuple(outcomes),
        support=tuple(
            MeasuredPoint(
                name,
                stored.measurement.summary.median_ms,
                float(prediction[index]) if index is not None else float("nan"),
                stored.measurement.verdict,
            )
            for name, stored in support.items()
            for index in [scored.index_of(name)]
        ),
        confirmations=tuple(confirmation.points),
        cloud=_cloud(scored),
        notes=tuple(notes),
        elapsed_s=elapsed_s,
    )


def _chosen(
    order: AdaptOrder, scored: Scored, limit: float, confirmation: _Confirmation
) -> list[int]:
    if order.verify:
        return confirmed(scored.candidates, confirmation.measured_ms, limit, order.top)
    within = np.flatnonzero(scored.candidates.prediction.latency_ms <= limit)
    ranked = within[np.argsort(-scored.candidates.score[within], kind="stable")]
    return [int(index) for index in ranked[: order.top]]


def _outcome(
    order: AdaptOrder, limit: float, found: int, scored: Scored, confirmation: _Confirmation
) -> LimitOutcome:
    if found == 0:
        return LimitOutcome(limit, False, f"nothing meets it; {_lowest(scored, confirmation)}")
    if not order.verify:
        return LimitOutcome(limit, True, "by prediction alone")
    open_ = next_candidate(
        scored.candidates, confirmation.measured_ms, limit, order.top, scored.min_gain
    )
    if open_ is None:
        return LimitOutcome(limit, True, "confirmed: no candidate promises more")
    return LimitOutcome(limit, True, "confirmed; the budget of measurements ended the search")


def _lowest(scored: Scored, confirmation: _Confirmation) -> str:
    """The lowest limit that something meets, as far as is known."""
    if confirmation.measured_ms:
        index, latency_ms = min(confirmation.measured_ms.items(), key=lambda item: item[1])
        return f"the fastest measured takes {latency_ms:.4g} ms ({scored.architecture(index)})"
    latency = scored.candidates.prediction.latency_ms
    index = int(np.argmin(latency))
    return f"the fastest is predicted to take {latency[index]:.4g} ms"


def _cloud(scored: Scored) -> tuple[CloudPoint, ...]:
    """A thinned space with its whole front, for pictures."""
    latency, accuracy = scored.candidates.prediction.latency_ms, scored.accuracy_percent
    step = max(1, len(latency) // CLOUD_POINTS)
    front = pareto_front(latency, accuracy)
    shown = np.union1d(np.arange(0, len(latency), step), front)
    shown = shown[np.isfinite(accuracy[shown])]
    pairs = zip(latency[shown].tolist(), accuracy[shown].tolist(), strict=True)
    return tuple(CloudPoint(x, y) for x, y in pairs)
