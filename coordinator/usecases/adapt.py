"""From a device's name to the most accurate architectures within its limits.

Measure the support set, adapt the predictor, score the space, then measure the candidates
that promise most until the answer is confirmed: what is shown has been measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import numpy as np

from coordinator.clock import Clock
from coordinator.store import Adaptation, Store, StoredMeasurement
from coordinator.usecases.answering import make_answer
from coordinator.usecases.candidates import Knowledge, load_knowledge
from coordinator.usecases.measure import Measured, Measuring
from coordinator.usecases.session import Session
from help_core.errors import MeasurementFailed
from help_core.predictors.registry import PredictorSource, get_predictor
from help_core.records import AdaptOrder, Answer, Progress, Purpose, Verdict
from help_core.records.orders import MIN_SUPPORT


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
        await asyncio.to_thread(self._store.device, order.device, begin_s)
        knowledge = await asyncio.to_thread(
            load_knowledge, self._store, order.space, order.predictor, self._predictors
        )
        names = await asyncio.to_thread(_support_names, order, knowledge)
        notes: list[str] = []
        support: dict[str, StoredMeasurement] = {}
        measuring = self._measuring.measure(order.device, names, Purpose.SUPPORT, fresh=order.fresh)
        async with aclosing(measuring) as events:
            async for event in events:
                if isinstance(event, Progress):
                    yield event
                else:
                    support = _take_support(order, names, event, notes)
        yield Progress("adapt", 0, 1, f"adapting {knowledge.predictor.name} to {order.device}")
        session = await asyncio.to_thread(Session, order, knowledge, support)
        await self._remember(session)
        limits = session.limits()
        if order.verify:
            async with aclosing(self._confirm(session, limits)) as steps:
                async for progress in steps:
                    yield progress
            await self._remember(session)
        elapsed_s = self._clock.now_s() - begin_s
        yield await asyncio.to_thread(make_answer, session, limits, notes, elapsed_s)

    async def _confirm(self, session: Session, limits: Sequence[float]) -> AsyncGenerator[Progress]:
        """Measures the most promising candidates until none is left or the budget is spent."""
        order, budget = session.order, session.order.budget(len(limits))
        while wanted := await asyncio.to_thread(session.wanted, limits):
            measuring = self._measuring.measure(
                order.device, list(wanted), Purpose.WINNER, fresh=False
            )
            async with aclosing(measuring) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        done = session.spent + event.done
                        yield Progress(event.phase, done, budget, event.message)
                    else:
                        await asyncio.to_thread(session.take, wanted, event)

    async def _remember(self, session: Session) -> None:
        """Keeps what ``predict`` and ``search`` rest on from now on."""
        order = session.order
        confirmed = [stored.architecture for stored in session.confirmations.values()]
        adaptation = Adaptation(
            order.device,
            order.space,
            session.knowledge.predictor.name,
            order.seed,
            (*session.support, *confirmed),
        )
        await asyncio.to_thread(self._store.set_adaptation, adaptation)


def _support_names(order: AdaptOrder, knowledge: Knowledge) -> list[str]:
    rng = np.random.default_rng(order.seed)
    genes = knowledge.predictor.support_genes(order.samples, rng)
    return [str(architecture) for architecture in knowledge.space.from_genes(genes)]


def _take_support(
    order: AdaptOrder, names: Sequence[str], measured: Measured, notes: list[str]
) -> dict[str, StoredMeasurement]:
    """The support set in order; notes what had to be accepted.

    Raises ``MeasurementFailed`` if too little was measured.
    """
    support = {name: measured.measurements[name] for name in names if name in measured.measurements}
    notes += [f"not measured: {name}: {reason}" for name, reason in measured.failures.items()]
    if len(support) < MIN_SUPPORT:
        name, reason = next(iter(measured.failures.items()), ("", "no measurement"))
        raise MeasurementFailed(
            f"{order.device} measured {len(support)} of {order.samples} reference"
            f" architectures; first failure: {name}: {reason}"
        )
    suspect = [one for one in support.values() if one.measurement.verdict is not Verdict.VALID]
    if suspect:
        reasons = sorted({reason for one in suspect for reason in one.measurement.reasons})
        notes.append(
            f"{len(suspect)} of {len(support)} support measurements are suspect"
            f" ({', '.join(reasons)})"
        )
    return support
