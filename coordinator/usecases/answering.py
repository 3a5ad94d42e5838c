"""From what a request has learned to its answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coordinator.store import StoredMeasurement
from coordinator.usecases.session import Session
from help_core.errors import NothingMeets
from help_core.records import Answer, CloudPoint, LimitOutcome, MeasuredPoint, Pick
from help_core.search.front import pareto_front

CLOUD_POINTS = 2000


def make_answer(
    session: Session, limits: Sequence[float], notes: Sequence[str], elapsed_s: float
) -> Answer:
    """The answer; raises ``NothingMeets`` if no limit is met."""
    order, knowledge = session.order, session.knowledge
    picks = tuple(
        make_pick(session, index, limit) for limit in limits for index in session.chosen(limit)
    )
    if not picks:
        raise NothingMeets(
            f"no architecture of {order.space} meets {max(limits):g} ms on {order.device};"
            f" {_lowest(session)}"
        )
    if not knowledge.accuracy_name:
        notes = [
            *notes,
            f"{order.space} has no accuracy source: architectures are ranked by multiply-adds",
        ]
    support = [
        _point(session, session.field.index_of(name), stored)
        for name, stored in session.support.items()
    ]
    return Answer(
        device=order.device,
        space=order.space,
        predictor=knowledge.predictor.name,
        accuracy_source=knowledge.accuracy_name,
        picks=picks,
        limits=tuple(_outcome(session, limit) for limit in limits),
        support=tuple(support),
        confirmations=tuple(
            _point(session, index, stored) for index, stored in session.confirmations.items()
        ),
        cloud=_cloud(session),
        notes=tuple(notes),
        elapsed_s=elapsed_s,
    )


def make_pick(session: Session, index: int, limit_ms: float) -> Pick:
    """A candidate as it is shown."""
    architecture = session.field.architecture(index)
    cost = session.knowledge.space.cost(architecture)
    accuracy = float(session.field.accuracy_percent[index])
    belief = session.belief(index)
    return Pick(
        limit_ms=limit_ms,
        architecture=str(architecture),
        predicted_ms=belief.latency_ms,
        low_ms=belief.low_ms,
        high_ms=belief.high_ms,
        measured_ms=session.measured_ms().get(index) if session.order.verify else None,
        accuracy_percent=accuracy if np.isfinite(accuracy) else None,
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
    )


def _point(session: Session, index: int, stored: StoredMeasurement) -> MeasuredPoint:
    return MeasuredPoint(
        stored.architecture,
        stored.measurement.summary.median_ms,
        session.belief(index).latency_ms,
        stored.measurement.verdict,
    )


def _outcome(session: Session, limit_ms: float) -> LimitOutcome:
    if not session.chosen(limit_ms):
        return LimitOutcome(limit_ms, False, f"nothing meets it; {_lowest(session)}")
    if not session.order.verify:
        return LimitOutcome(limit_ms, True, "by prediction alone")
    if session.next_for(limit_ms) is None:
        return LimitOutcome(limit_ms, True, "confirmed: no candidate promises more")
    return LimitOutcome(limit_ms, True, "confirmed; the budget of measurements ended the search")


def _lowest(session: Session) -> str:
    """The lowest limit that something meets, as far as is known."""
    measured = session.measured_ms()
    if session.order.verify and measured:
        index, latency_ms = min(measured.items(), key=lambda item: item[1])
        name = session.field.architecture(index)
        return f"the fastest measured takes {latency_ms:.4g} ms ({name})"
    latency_ms = float(session.prediction.latency_ms.min())
    return f"the fastest is predicted to take {latency_ms:.4g} ms"


def _cloud(session: Session) -> tuple[CloudPoint, ...]:
    """A thinned space with its whole front, for pictures."""
    latency, accuracy = session.prediction.latency_ms, session.field.accuracy_percent
    step = max(1, len(latency) // CLOUD_POINTS)
    front = pareto_front(latency, accuracy)
    shown = np.union1d(np.arange(0, len(latency), step), front)
    shown = shown[np.isfinite(accuracy[shown])]
    pairs = zip(latency[shown].tolist(), accuracy[shown].tolist(), strict=True)
    return tuple(CloudPoint(x, y) for x, y in pairs)
