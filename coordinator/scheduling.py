"""Which queued jobs a device makes next: a pure function of the candidates.

Higher priorities first. Among equals the collections take turns, each on each device, so that
a large collection does not hold up a small one; within a collection fresh jobs come before
those that failed already, and older ones before younger ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Candidate:
    """A queued job that may be leased now."""

    job_id: int
    device: str
    collection: str
    priority: int
    attempts: int


def choose(candidates: Iterable[Candidate], count: int, turn: int) -> list[Candidate]:
    """The first ``count`` candidates in the order of work, whatever order they come in.

    ``turn`` counts the jobs leased before: whose turn it is among equals goes on from there.
    """
    ordered = sorted(candidates, key=lambda one: (-one.priority, one.attempts, one.job_id))
    chosen: list[Candidate] = []
    for _, equals in groupby(ordered, key=lambda one: one.priority):
        left = count - len(chosen)
        if left <= 0:
            break
        chosen += _in_turns(equals, turn + len(chosen))[:left]
    return chosen


def _in_turns(equals: Iterable[Candidate], turn: int) -> list[Candidate]:
    queues: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for one in equals:
        queues[one.collection, one.device].append(one)
    names = sorted(queues)
    start = turn % len(names)
    order = {name: place for place, name in enumerate(names[start:] + names[:start])}
    places = (
        (index, order[name], one)
        for name, queue in queues.items()
        for index, one in enumerate(queue)
    )
    return [one for _, _, one in sorted(places, key=lambda place: place[:2])]
