"""Jobs, apart from their leases."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from coordinator.store.contract import JobOrder
from coordinator.store.queries.lists import BATCH
from coordinator.store.tables import devices, jobs
from help_core.errors import NotFound
from help_core.records import Job, JobState, Purpose


def enqueue(connection: sa.Connection, orders: Sequence[JobOrder]) -> list[int]:
    """See ``Store.enqueue``."""
    names = {order.device for order in orders}
    known = set(connection.execute(sa.select(devices.c.name)).scalars())
    unknown = sorted(names - known)
    if unknown:
        raise NotFound(
            f"unknown device {unknown[0]!r}; known: {', '.join(sorted(known)) or 'none yet'}"
        )
    values = [
        {
            "device": order.device,
            "architecture": order.architecture,
            "purpose": order.purpose,
            "collection": order.collection,
            "priority": order.priority,
            "state": JobState.QUEUED,
            "attempts": 0,
            "token": 0,
            "agent_id": "",
            "error": "",
        }
        for order in orders
    ]
    if not values:
        return []
    statement = jobs.insert().returning(jobs.c.id, sort_by_parameter_order=True)
    return [int(number) for number in connection.execute(statement, values).scalars()]


def counts(connection: sa.Connection) -> dict[JobState, int]:
    """See ``Store.job_counts``."""
    query = sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {state: found.get(state, 0) for state in JobState}


def cancel(connection: sa.Connection, job_ids: Sequence[int]) -> int:
    """See ``Store.cancel``."""
    count = 0
    for start in range(0, len(job_ids), BATCH):
        result = connection.execute(
            jobs.update()
            .where(jobs.c.id.in_(job_ids[start : start + BATCH]), jobs.c.state == JobState.QUEUED)
            .values(state=JobState.CANCELLED)
        )
        count += result.rowcount
    return count


def get(connection: sa.Connection, job_ids: Sequence[int]) -> list[Job]:
    """See ``Store.jobs``."""
    found: list[Job] = []
    for start in range(0, len(job_ids), BATCH):
        query = sa.select(jobs).where(jobs.c.id.in_(job_ids[start : start + BATCH]))
        found += [_job(row) for row in connection.execute(query.order_by(jobs.c.id))]
    return found


def find(
    connection: sa.Connection, device: str, states: Sequence[JobState], limit: int
) -> tuple[list[Job], int]:
    """See ``Store.find_jobs``."""
    conditions: list[sa.ColumnElement[bool]] = []
    if device:
        conditions.append(jobs.c.device == device)
    if states:
        conditions.append(jobs.c.state.in_(states))
    total = connection.execute(
        sa.select(sa.func.count()).select_from(jobs).where(*conditions)
    ).scalar_one()
    query = sa.select(jobs).where(*conditions).order_by(jobs.c.id.desc()).limit(limit)
    return [_job(row) for row in connection.execute(query)], total


def _job(row: sa.Row[tuple[object, ...]]) -> Job:
    values = row._mapping
    return Job(
        id=values["id"],
        device=values["device"],
        architecture=values["architecture"],
        purpose=Purpose(values["purpose"]),
        state=JobState(values["state"]),
        attempts=values["attempts"],
        agent_id=values["agent_id"],
        error=values["error"],
        collection=values["collection"],
    )
