"""The front of latency against accuracy, on plain arrays.

Latencies are in ms and smaller is better, accuracies in percent and larger is better. A NaN
in either means that the architecture is unknown; it is then never on a front.
"""

from __future__ import annotations

import math

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput

MAX_DIGITS = 6


def pareto_front(latency_ms: FloatArray, accuracy_percent: FloatArray) -> IntArray:
    """Indices ``[k]`` of the architectures that none beats, fastest first.

    Takes ``[n]`` and ``[n]``. Latency and accuracy both strictly increase along the answer:
    of equally accurate architectures the fastest is on the front, of equally fast ones the
    most accurate, and of identical ones the first. Raises ``BadInput`` on unequal shapes.
    """
    _check_shapes(latency_ms, accuracy_percent)
    known = np.flatnonzero(np.isfinite(latency_ms) & np.isfinite(accuracy_percent))
    # lexsort is stable, so identical architectures keep their order.
    order = known[np.lexsort((-accuracy_percent[known], latency_ms[known]))]
    best_before = np.maximum.accumulate(np.append(-np.inf, accuracy_percent[order]))[:-1]
    front: IntArray = order[accuracy_percent[order] > best_before]
    return front


def best_within(
    latency_upper_ms: FloatArray, accuracy_percent: FloatArray, limit_ms: float, count: int
) -> IntArray:
    """Indices of at most ``count`` architectures within the limit, most accurate first.

    Takes ``[n]`` and ``[n]``. ``latency_upper_ms`` is what has to keep the limit: the upper
    end of the predicted interval, where the limit is hard. Equally accurate architectures
    come in order of latency. Empty where nothing meets the limit.
    """
    _check_shapes(latency_upper_ms, accuracy_percent)
    if count < 1:
        raise BadInput(f"cannot choose {count} architectures; ask for at least one")
    within = np.flatnonzero((latency_upper_ms <= limit_ms) & np.isfinite(accuracy_percent))
    order = np.lexsort((latency_upper_ms[within], -accuracy_percent[within]))
    best: IntArray = within[order[:count]]
    return best


def latency_levels(
    latency_ms: FloatArray,
    accuracy_percent: FloatArray,
    count: int,
    *,
    useful_share: float = 0.85,
) -> tuple[float, ...]:
    """At most ``count`` round limits in ms, rising, for a person who has named none.

    The useful part of the front begins where accuracy reaches ``useful_share`` of the best.
    Of its steps, rounded up, those are chosen that together stand in best for the whole of
    it: the largest area under their accuracies over log latency, so each lies just after a
    jump. The last level reaches the best accuracy; each level allows a higher accuracy than
    the one before. Fewer than ``count`` where the front has no more steps; none where
    nothing is known. Give upper ends of intervals as latencies where limits are hard.
    """
    if count < 1:
        raise BadInput(f"cannot choose {count} latency levels; ask for at least one")
    front = pareto_front(latency_ms, accuracy_percent)
    front = front[latency_ms[front] > 0]
    if not front.size:
        return ()
    latency, accuracy = latency_ms[front], accuracy_percent[front]
    floor = useful_share * accuracy[-1]
    useful = accuracy >= floor
    limits, reached = _round_steps(latency[useful], accuracy[useful], count)
    return tuple(limits[_knees(np.log(limits), reached - floor, count)].tolist())


def _check_shapes(latency_ms: FloatArray, accuracy_percent: FloatArray) -> None:
    if latency_ms.ndim != 1 or latency_ms.shape != accuracy_percent.shape:
        raise BadInput(
            f"latencies {latency_ms.shape} and accuracies {accuracy_percent.shape}"
            " must be vectors of the same length"
        )


def _round_steps(
    latency: FloatArray, accuracy: FloatArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """Round limits ``[m]`` along a front and the best accuracy within each, both rising.

    Two digits where they tell ``count`` limits apart, else as many as it takes.
    """
    for digits in range(2, MAX_DIGITS + 1):
        limits = np.unique([round_up(value, digits) for value in latency.tolist()])
        if limits.size >= min(count, latency.size):
            break
    last_within = np.searchsorted(latency, limits, side="right") - 1
    return limits, accuracy[last_within]


def round_up(value: float, digits: int) -> float:
    """The smallest number of ``digits`` significant digits that is not below ``value`` > 0."""
    exponent = digits - 1 - math.floor(math.log10(value))
    # A value that already is round must not climb a step because of its binary form.
    scaled = math.ceil(value * 10.0**exponent * (1 - 1e-12))
    rounded = scaled / 10.0**exponent if exponent >= 0 else scaled * 10.0**-exponent
    return rounded if rounded >= value else (scaled + 1) / 10.0**exponent


def _knees(x: FloatArray, gain: FloatArray, count: int) -> IntArray:
    """Indices of ``count`` points, the last included, of a rising step curve ``[m]``.

    Those whose own step curve keeps the largest area under it (hypervolume subset
    selection in two dimensions, by dynamic programming over the point before).
    """
    last = x.size - 1
    # area[i, j]: what point i adds if the next one chosen is j.
    area = np.where(x[None, :] > x[:, None], (x[None, :] - x[:, None]) * gain[:, None], -np.inf)
    best = np.where(np.arange(x.size) == last, 0.0, -np.inf)
    following: list[IntArray] = []
    for _ in range(min(count, x.size) - 1):
        totals = area + best[None, :]
        following.append(totals.argmax(axis=1))
        best = totals.max(axis=1)
    chosen = [int(best.argmax())]
    for step in reversed(following):
        chosen.append(int(step[chosen[-1]]))
    return np.array(chosen, dtype=np.int64)
