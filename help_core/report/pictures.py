"""The three pictures of a report."""

from __future__ import annotations

import numpy as np

from help_core.records import Answer, MeasuredPoint, Pick
from help_core.report.facts import Facts
from help_core.report.svg import WIDTH, Picture, Scale, horizontal, padded, vertical
from help_core.search.front import pareto_front

MAX_DOTS = 900
LEAST_SHARE = 0.12
"""The least accurate of the cloud are left out of the picture, as they would flatten it."""
BAR, GAP = 20.0, 44.0


def shown_ms(pick: Pick) -> float:
    """Measured if it was, else predicted."""
    return pick.predicted_ms if pick.measured_ms is None else pick.measured_ms


def front_picture(answer: Answer) -> str:
    """Latency against accuracy: the space, its front, limits and winners; "" without accuracy."""
    picks = [pick for pick in answer.picks if pick.accuracy_percent is not None]
    cloud = [point for point in answer.cloud if point.latency_ms > 0]
    if not picks or len(cloud) < 2:
        return ""
    latency = np.array([point.latency_ms for point in cloud])
    accuracy = np.array([point.accuracy_percent for point in cloud])
    best = [pick.accuracy_percent for pick in picks if pick.accuracy_percent is not None]
    floor = min(float(np.quantile(accuracy, LEAST_SHARE)), min(best) - 0.5)
    visible = accuracy >= floor
    ends = [value for pick in picks for value in (pick.low_ms, pick.high_ms, shown_ms(pick))]
    reach = [*latency[visible].tolist(), *[end for end in ends if end > 0]]
    x = Scale(*padded(reach, 0.03, is_log=True), *horizontal(), is_log=True)
    y = Scale(*padded([floor, *best, float(accuracy.max())], 0.05), *vertical())
    picture = Picture("latency against accuracy, with the front and the winners", x, y)
    picture.axes(f"latency on {answer.device}, ms", "accuracy, %")
    order = np.flatnonzero(visible)
    for index in order[:: max(1, len(order) // MAX_DOTS)]:
        picture.dot(float(latency[index]), float(accuracy[index]), 1.7, "cloud")
    front = [index for index in pareto_front(latency, accuracy) if visible[index]]
    picture.stairs([(float(latency[i]), float(accuracy[i])) for i in front], "front")
    _limits(picture, answer)
    for pick in picks:
        _winner(picture, pick)
    return picture.render()


def _limits(picture: Picture, answer: Answer) -> None:
    bottom, top = vertical()
    limits: list[float | None] = [pick.limit_ms for pick in answer.picks]
    for limit in sorted({each for each in limits if each is not None}):
        if picture.x.low <= limit <= picture.x.high:
            at = picture.x.at(limit)
            picture.line((at, bottom), (at, top), "limit")
            picture.words(at - 4, top + 10, f"≤ {limit:.4g}", "tick", "end")


def _winner(picture: Picture, pick: Pick) -> None:
    accuracy = pick.accuracy_percent or 0.0
    place = picture.y.at(accuracy)
    if pick.low_ms > 0:
        low, high = picture.x.at(pick.low_ms), picture.x.at(pick.high_ms)
        picture.line((low, place), (high, place), "interval")
    kind = "winner" if pick.measured_ms is not None else "unmeasured"
    words = f"{pick.architecture}: {shown_ms(pick):.4g} ms, {accuracy:.2f} %"
    picture.dot(shown_ms(pick), accuracy, 5.5, kind, words)


def agreement_picture(answer: Answer) -> str:
    """Predicted against measured latency; "" where nothing was measured."""
    points = [*answer.support, *answer.confirmations]
    if not points:
        return ""
    intervals = {pick.architecture: (pick.low_ms, pick.high_ms) for pick in answer.picks}
    every = [value for point in points for value in (point.latency_ms, point.predicted_ms)]
    every += [end for pick in answer.picks for end in (pick.low_ms, pick.high_ms)]
    low, high = padded([value for value in every if value > 0], 0.04, is_log=True)
    x = Scale(low, high, *horizontal(), is_log=True)
    y = Scale(low, high, *vertical(), is_log=True)
    picture = Picture("predicted against measured latency", x, y)
    picture.axes("measured, ms", "predicted, ms")
    picture.line((x.at(low), y.at(low)), (x.at(high), y.at(high)), "limit")
    for kind, group in (("support", answer.support), ("winner", answer.confirmations)):
        for point in group:
            _agreement(picture, point, kind, intervals.get(point.architecture))
    return picture.render()


def _agreement(
    picture: Picture, point: MeasuredPoint, kind: str, interval: tuple[float, float] | None
) -> None:
    if point.predicted_ms <= 0:
        return
    if interval is not None and interval[0] > 0:
        at = picture.x.at(point.latency_ms)
        ends = (picture.y.at(interval[0]), picture.y.at(interval[1]))
        picture.line((at, ends[0]), (at, ends[1]), "interval")
    words = (
        f"{point.architecture}: measured {point.latency_ms:.4g} ms, predicted"
        f" {point.predicted_ms:.4g} ms, {point.verdict}"
    )
    picture.dot(point.latency_ms, point.predicted_ms, 4.5, kind, words)


def time_picture(facts: Facts) -> str:
    """A bar for each phase; "" where no times are known."""
    phases = [phase for phase in facts.phases if phase.seconds >= 0]
    total = sum(phase.seconds for phase in phases)
    if total <= 0:
        return ""
    x = Scale(0.0, max(phase.seconds for phase in phases), 8.0, WIDTH - 110)
    picture = Picture("where the time went", x, Scale(0, 1, 0, 1))
    for number, phase in enumerate(phases):
        top = GAP * number
        picture.words(8, top + 14, phase.name, "name", "start")
        end = max(x.at(phase.seconds), 9.5)
        picture.marks.append(
            f'<rect class="bar" x="8" y="{top + 19:g}" width="{end - 8:.1f}" height="{BAR - 6:g}"'
            ' rx="3"/>'
        )
        share = f"{phase.seconds:.3g} s · {phase.seconds / total:.0%}"
        picture.words(end + 8, top + 31, share, "tick", "start")
    return picture.render(GAP * len(phases) + 4)
