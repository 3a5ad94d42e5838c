"""From what a request has learned to its answer."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from coordinator.store import StoredMeasurement
from coordinator.usecases.quantities import energy_mj, memory_mib
from coordinator.usecases.session import Session
from help_core.errors import NothingMeets
from help_core.records import (
    Answer,
    CloudPoint,
    LimitOutcome,
    MeasuredPoint,
    Objective,
    Pick,
    PickOnDevice,
)
from help_core.search.front import pareto_front
from help_core.search.goals import MIN_FASTER_PERCENT, Goal

CLOUD_POINTS = 2000
UNITS = {
    Objective.ACCURACY: "points",
    Objective.FLOPS: "M multiply-adds",
    Objective.PARAMETERS: "M parameters",
}


def make_answer(session: Session, notes: Sequence[str], elapsed_s: float) -> Answer:
    """The answer; raises ``NothingMeets`` if no goal is met."""
    order, knowledge, field = session.order, session.knowledge, session.field
    picks = tuple(
        make_pick(session, index, goal) for goal in session.goals for index in session.chosen(goal)
    )
    if not picks:
        raise NothingMeets(_nothing_meets(session))
    if not knowledge.accuracy_name:
        notes = [*notes, f"{order.space} has no accuracy source: {_instead(session.objective)}"]
    return Answer(
        device=order.device,
        space=order.space,
        predictor=knowledge.predictor.name,
        accuracy_source=knowledge.accuracy_name,
        picks=picks,
        limits=tuple(_outcome(session, goal) for goal in session.goals),
        support=tuple(
            _point(session, device, session.field.index_of(name), stored)
            for device, support in session.support.items()
            for name, stored in support.items()
        ),
        confirmations=tuple(
            _point(session, device, index, stored)
            for device, found in session.confirmations.items()
            for index, stored in found.items()
        ),
        cloud=_cloud(session),
        notes=tuple(notes),
        elapsed_s=elapsed_s,
        devices=order.devices,
        percentile=order.percentile,
        objective=session.objective,
        candidates=field.offered,
        candidates_name=field.name,
    )


def make_pick(session: Session, index: int, goal: Goal) -> Pick:
    """A candidate as it is shown."""
    architecture = session.field.architecture(index)
    cost = session.knowledge.space.cost(architecture)
    accuracy = float(session.field.accuracy_percent[index])
    devices = tuple(_on_device(session, device, index) for device in session.order.devices)
    measured = [one.measured_ms for one in devices if one.measured_ms is not None]
    return Pick(
        limit_ms=_limit_ms(goal),
        architecture=str(architecture),
        predicted_ms=max(one.predicted_ms for one in devices),
        low_ms=max(one.low_ms for one in devices),
        high_ms=max(one.high_ms for one in devices),
        measured_ms=max(measured) if measured else None,
        accuracy_percent=accuracy if np.isfinite(accuracy) else None,
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        min_accuracy_percent=_min_accuracy(session, goal),
        devices=devices,
    )


def _on_device(session: Session, device: str, index: int) -> PickOnDevice:
    belief = session.belief(device, index)
    stored = session.stored(device).get(index) if session.order.verify else None
    if stored is None:
        return PickOnDevice(device, belief.latency_ms, belief.low_ms, belief.high_ms)
    measurement = stored.measurement
    return PickOnDevice(
        device,
        belief.latency_ms,
        belief.low_ms,
        belief.high_ms,
        measured_ms=session.latency.read(measurement),
        median_ms=measurement.summary.median_ms,
        memory_mib=memory_mib(measurement),
        energy_mj=energy_mj(measurement),
    )


def _limit_ms(goal: Goal) -> float | None:
    return goal.limit_ms if goal.limit_ms < inf else None


def _min_accuracy(session: Session, goal: Goal) -> float | None:
    return goal.min_score if session.order.min_accuracy_percent else None


def _instead(objective: Objective) -> str:
    if objective is Objective.LATENCY:
        return "architectures are ranked by latency alone"
    what = "parameters" if objective is Objective.PARAMETERS else "multiply-adds"
    return f"architectures are ranked by {what}"


def _point(session: Session, device: str, index: int, stored: StoredMeasurement) -> MeasuredPoint:
    return MeasuredPoint(
        stored.architecture,
        session.latency.read(stored.measurement) or stored.measurement.summary.median_ms,
        session.belief(device, index).latency_ms,
        stored.measurement.verdict,
        device,
    )


def _outcome(session: Session, goal: Goal) -> LimitOutcome:
    met = bool(session.chosen(goal))
    message = _why(session, goal) if met else f"nothing meets it; {_nearest(session)}"
    return LimitOutcome(_limit_ms(goal), met, message, _min_accuracy(session, goal))


def _why(session: Session, goal: Goal) -> str:
    if not session.order.verify:
        return "by prediction alone"
    found = session.promise(goal)
    if found is None:
        return "confirmed: no other candidate can keep the limits"
    least = MIN_FASTER_PERCENT if goal.fastest else session.field.min_gain
    unit = "% of latency" if goal.fastest else UNITS.get(session.objective, "points")
    if found.gain == inf:
        return "confirmed; the budget of measurements ended the search before it was complete"
    if found.gain <= 0:
        return "confirmed: no other candidate promises more"
    promised = f"the best expected gain of another measurement is {found.gain:.2g} {unit}"
    if found.gain <= least:
        return f"confirmed: {promised}, not above {least:.2g}"
    return f"confirmed; the budget of measurements ended the search while {promised}"


def _nothing_meets(session: Session) -> str:
    order = session.order
    asked = []
    limits = [goal.limit_ms for goal in session.goals if goal.limit_ms < inf]
    if limits:
        which = f" (p{order.percentile:g})" if session.latency.missing else ""
        asked.append(f"{max(limits):g} ms{which}")
    if order.min_accuracy_percent:
        asked.append(f"an accuracy of {min(order.min_accuracy_percent):g} %")
    asked += [f"{one.limit:g} {_UNIT[one.quantity.name]}" for one in session.limited]
    wanted = " and ".join(asked) or "the limits"
    return (
        f"no architecture of {order.space} meets {wanted} on {' and '.join(order.devices)};"
        f" {_nearest(session)}"
    )


_UNIT = {"energy": "mJ", "peak memory": "MiB of peak memory"}


def _nearest(session: Session) -> str:
    """What comes nearest to the limits, as far as is known."""
    accuracy, least = session.field.accuracy_percent, session.order.min_accuracy_percent
    if least and not np.any(accuracy[np.isfinite(session.field.score)] >= min(least)):
        return f"the most accurate candidate has {np.nanmax(accuracy):.4g} %"
    measured = session.measured_ms()
    if session.order.verify and measured:
        index, latency_ms = min(measured.items(), key=lambda item: item[1])
        name = session.field.architecture(index)
        lows = [_lowest(session, number) for number in range(len(session.limited))]
        return "; ".join([f"the fastest measured takes {latency_ms:.4g} ms ({name})", *lows])
    offered = np.isfinite(session.field.score)
    latency_ms = float(session.prediction.latency_ms[offered].min())
    return f"the fastest is predicted to take {latency_ms:.4g} ms"


def _lowest(session: Session, number: int) -> str:
    """The least of a limited quantity among what was measured."""
    quantity = session.limited[number].quantity
    least = min(
        quantity.read(stored.measurement) or inf
        for device in session.order.devices
        for stored in session.stored(device).values()
    )
    return f"the least {quantity.name} measured is {least:.4g} {_UNIT[quantity.name]}"


def _cloud(session: Session) -> tuple[CloudPoint, ...]:
    """A thinned space with its whole front, for pictures."""
    latency, accuracy = session.prediction.latency_ms, session.field.accuracy_percent
    step = max(1, len(latency) // CLOUD_POINTS)
    front = pareto_front(latency, accuracy)
    shown = np.union1d(np.arange(0, len(latency), step), front)
    shown = shown[np.isfinite(accuracy[shown])]
    pairs = zip(latency[shown].tolist(), accuracy[shown].tolist(), strict=True)
    return tuple(CloudPoint(x, y) for x, y in pairs)
