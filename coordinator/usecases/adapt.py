"""From a device's name to the most accurate architectures within its limits.

Measure the support set, adapt the predictor, score the candidates, then measure those that
promise most until the answer is confirmed: what is shown has been measured. With several
devices all of this happens on each of them, and the answer holds on all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

import numpy as np

from coordinator.clock import Clock
from coordinator.store import Adaptation, Store, StoredMeasurement
from coordinator.usecases.answering import make_answer
from coordinator.usecases.candidates import Knowledge, load_knowledge
from coordinator.usecases.measure import Measured, Measuring, last_adaptation
from coordinator.usecases.session import Session
from coordinator.usecases.together import measure_on_all
from help_core.errors import MeasurementFailed
from help_core.predictors.registry import PredictorSource, get_predictor
from help_core.records import AdaptOrder, Answer, Progress, Purpose, Verdict
from help_core.records.orders import MIN_SUPPORT
from help_core.search.generators.registry import check_generator

Support = dict[str, dict[str, StoredMeasurement]]
"""Measurements by device and architecture."""


class Adapting:
    """The use case ``adapt``."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        measuring: Measuring,
        predictors: PredictorSource = get_predictor,
    ) -> None:
        self._store = store
        self._clock = clock
        self._measuring = measuring
        self._predictors = predictors

    async def adapt(self, order: AdaptOrder) -> AsyncGenerator[Progress | Answer]:
        """Progress, then the answer.

        Raises ``NotFound``, ``BadInput``, ``MeasurementFailed`` (too little could be measured)
        and ``NothingMeets``.
        """
        begin_s = self._clock.now_s()
        for device in order.devices:
            await asyncio.to_thread(self._store.device, device, begin_s)
        notes: list[str] = []
        support: Support = {}
        if order.reuse_adaptation:
            support, predictor = await asyncio.to_thread(self._stored, order, begin_s)
            knowledge = await asyncio.to_thread(self._knowledge, order, predictor)
        else:
            knowledge = await asyncio.to_thread(self._knowledge, order, order.predictor)
            async with aclosing(self._support(order, knowledge, support, notes)) as steps:
                async for progress in steps:
                    yield progress
        where = " and ".join(order.devices)
        yield Progress("adapt", 0, 1, f"adapting {knowledge.predictor.name} to {where}")
        session = await asyncio.to_thread(Session, order, knowledge, support)
        await self._remember(session)
        if order.verify:
            async with aclosing(self._confirm(session)) as steps:
                async for progress in steps:
                    yield progress
            await self._remember(session)
        elapsed_s = self._clock.now_s() - begin_s
        yield await asyncio.to_thread(make_answer, session, notes, elapsed_s)

    def _knowledge(self, order: AdaptOrder, predictor: str) -> Knowledge:
        knowledge = load_knowledge(
            self._store, order.space, predictor, self._predictors, order.accuracy_source
        )
        # What cannot be answered is refused before anything is measured.
        knowledge.objective(order)
        if order.generator:
            check_generator(order.generator, knowledge.space)
        for text in order.candidates:
            knowledge.space.parse(text)
        return knowledge

    def _stored(self, order: AdaptOrder, now_s: float) -> tuple[Support, str]:
        """What the last adaptations rest on, and the predictor to use."""
        support: Support = {}
        predictor = order.predictor
        for device in order.devices:
            adaptation, measured = last_adaptation(self._store, device, order.space, now_s)
            support[device] = measured
            predictor = predictor or adaptation.predictor
        return support, predictor

    async def _support(
        self, order: AdaptOrder, knowledge: Knowledge, support: Support, notes: list[str]
    ) -> AsyncGenerator[Progress]:
        """Measures the support set on each device into ``support``."""
        names = await asyncio.to_thread(_support_names, order, knowledge)
        measuring = measure_on_all(
            self._measuring, order.devices, names, Purpose.SUPPORT, fresh=order.fresh
        )
        async with aclosing(measuring) as events:
            async for event in events:
                if isinstance(event, Progress):
                    yield event
                    continue
                for device, measured in event.items():
                    support[device] = _take_support(device, names, measured, notes)

    async def _confirm(self, session: Session) -> AsyncGenerator[Progress]:
        """Measures the most promising candidates until none is left or the budget is spent."""
        order = session.order
        budget = order.budget(len(session.goals)) * len(order.devices)
        while wanted := await asyncio.to_thread(session.wanted):
            measuring = measure_on_all(
                self._measuring, order.devices, list(wanted), Purpose.WINNER, fresh=False
            )
            async with aclosing(measuring) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        done = session.spent * len(order.devices) + event.done
                        yield Progress(event.phase, done, budget, event.message)
                    else:
                        await asyncio.to_thread(session.take, wanted, event)

    async def _remember(self, session: Session) -> None:
        """Keeps what ``predict`` and ``search`` rest on from now on."""
        order = session.order
        for device in order.devices:
            names = dict.fromkeys(session.support[device])
            confirmed = session.confirmations[device].values()
            names |= dict.fromkeys(stored.architecture for stored in confirmed)
            adaptation = Adaptation(
                device, order.space, session.knowledge.predictor.name, order.seed, tuple(names)
            )
            await asyncio.to_thread(self._store.set_adaptation, adaptation)


def _support_names(order: AdaptOrder, knowledge: Knowledge) -> list[str]:
    rng = np.random.default_rng(order.seed)
    genes = knowledge.predictor.support_genes(order.samples, rng)
    return [str(architecture) for architecture in knowledge.space.from_genes(genes)]


def _take_support(
    device: str, names: Sequence[str], measured: Measured, notes: list[str]
) -> dict[str, StoredMeasurement]:
    """The support set in order; notes what had to be accepted.

    Raises ``MeasurementFailed`` if too little was measured.
    """
    support = {name: measured.measurements[name] for name in names if name in measured.measurements}
    notes += _failures(device, measured.failures)
    if len(support) < MIN_SUPPORT:
        name, reason = next(iter(measured.failures.items()), ("", "no measurement"))
        raise MeasurementFailed(
            f"{device} measured {len(support)} of {len(names)} reference"
            f" architectures; first failure: {name}: {reason}"
        )
    suspect = [one for one in support.values() if one.measurement.verdict is not Verdict.VALID]
    if suspect:
        reasons = sorted({reason for one in suspect for reason in one.measurement.reasons})
        notes.append(
            f"{len(suspect)} of {len(support)} support measurements of {device} are suspect"
            f" ({', '.join(reasons)})"
        )
    return support


def _failures(device: str, failures: Mapping[str, str]) -> list[str]:
    return [f"not measured on {device}: {name}: {reason}" for name, reason in failures.items()]
