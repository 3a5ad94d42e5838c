"""Collections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from coordinator.store.tables import collections, jobs, reports
from help_core.errors import NotFound
from help_core.records import CollectionOrder, CollectionStatus, JobState, Verdict

CANCELLED = "cancelled"
OVERDUE = "its deadline has passed"


def open_(connection: sa.Connection, order: CollectionOrder, now_s: float) -> None:
    """See ``Store.open_collection``."""
    deadline_s = None if order.deadline_in_s is None else now_s + order.deadline_in_s
    values = {"priority": order.priority, "deadline_s": deadline_s, "ended": ""}
    known = sa.select(collections.c.name).where(collections.c.name == order.name)
    if connection.execute(known.with_for_update()).first() is None:
        connection.execute(collections.insert().values(name=order.name, created_s=now_s, **values))
        return
    connection.execute(collections.update().where(collections.c.name == order.name).values(values))
    connection.execute(
        jobs.update()
        .where(jobs.c.collection == order.name, jobs.c.state == JobState.QUEUED)
        .values(priority=order.priority)
    )


def statuses(connection: sa.Connection, name: str = "") -> list[CollectionStatus]:
    """All collections, the newest first, or the one of that name."""
    query = sa.select(collections).order_by(collections.c.created_s.desc(), collections.c.name)
    rows = connection.execute(query.where(collections.c.name == name) if name else query)
    return _counted(connection, rows.all(), jobs.c.collection == name if name else None)


def page(connection: sa.Connection, limit: int, offset: int) -> tuple[list[CollectionStatus], int]:
    """Collections from the newest on, and how many there are."""
    query = sa.select(collections).order_by(collections.c.created_s.desc(), collections.c.name)
    rows = connection.execute(query.limit(limit).offset(offset)).all()
    total = connection.execute(sa.select(sa.func.count()).select_from(collections)).scalar_one()
    these = jobs.c.collection.in_([row.name for row in rows])
    return _counted(connection, rows, these), total


def _counted(
    connection: sa.Connection, rows: Sequence[Any], wanted: sa.ColumnElement[bool] | None
) -> list[CollectionStatus]:
    counted = (
        sa.select(jobs.c.collection, jobs.c.state, sa.func.count())
        .where(jobs.c.collection != "" if wanted is None else wanted)
        .group_by(jobs.c.collection, jobs.c.state)
    )
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for collection, state, count in connection.execute(counted):
        counts[collection][state] = count
    return [
        CollectionStatus(
            name=row.name,
            priority=row.priority,
            created_unix_s=row.created_s,
            deadline_unix_s=row.deadline_s,
            ended=row.ended,
            **{state.value: counts[row.name].get(state, 0) for state in JobState},
        )
        for row in rows
    ]


def get(connection: sa.Connection, name: str) -> CollectionStatus:
    """See ``Store.collection``."""
    found = statuses(connection, name) if name else []
    if not found:
        names = connection.execute(sa.select(collections.c.name).order_by(collections.c.name))
        known = ", ".join(list(names.scalars())[:20])
        raise NotFound(f"unknown collection {name!r}; known: {known or 'none yet'}")
    return found[0]


def cancel(connection: sa.Connection, name: str) -> int:
    """See ``Store.cancel_collection``."""
    get(connection, name)
    return _end(connection, [name], CANCELLED)


def end_overdue(connection: sa.Connection, now_s: float) -> None:
    """Ends collections whose deadline has passed."""
    query = sa.select(collections.c.name).where(
        collections.c.ended == "", collections.c.deadline_s < now_s
    )
    _end(connection, list(connection.execute(query).scalars()), OVERDUE)


def _end(connection: sa.Connection, names: Iterable[str], why: str) -> int:
    count = 0
    for name in names:
        connection.execute(collections.update().where(collections.c.name == name).values(ended=why))
        result = connection.execute(
            jobs.update()
            .where(jobs.c.collection == name, jobs.c.state == JobState.QUEUED)
            .values(state=JobState.CANCELLED, error=f"the collection ended: {why}")
        )
        count += result.rowcount
    return count


def retry(connection: sa.Connection, name: str) -> int:
    """See ``Store.retry_collection``."""
    get(connection, name)
    result = connection.execute(
        jobs.update()
        .where(jobs.c.collection == name, jobs.c.state.in_([JobState.FAILED, JobState.CANCELLED]))
        .values(state=JobState.QUEUED, attempts=0, agent_id="")
    )
    return result.rowcount


def devices_of(connection: sa.Connection, name: str) -> list[str]:
    """See ``Store.collection_devices``."""
    query = sa.select(jobs.c.device).where(jobs.c.collection == name).distinct()
    return sorted(connection.execute(query).scalars())


def settled(connection: sa.Connection, device: str, collection: str) -> set[str]:
    """See ``Store.settled``."""
    measured = sa.select(reports.c.architecture).where(
        reports.c.device == device,
        reports.c.verdict.in_([Verdict.VALID, Verdict.SUSPECT]),
        ~reports.c.stale,
    )
    ordered = sa.select(jobs.c.architecture).where(
        jobs.c.device == device, jobs.c.collection == collection
    )
    return set(connection.execute(measured.union(ordered)).scalars())
