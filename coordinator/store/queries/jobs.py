"""Jobs and leases."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from coordinator.store.contract import JobOrder
from coordinator.store.tables import agents, devices, jobs
from help_core.errors import NotFound
from help_core.records import Job, JobState, LeasedJob, LeaseRef, Purpose

MAX_ATTEMPTS = 3
BATCH = 500
"""Most bound values in one IN list, below the limits of every database."""


def enqueue(connection: sa.Connection, orders: Sequence[JobOrder]) -> list[int]:
    """See ``Store.enqueue``."""
    names = {order.device for order in orders}
    known = set(connection.execute(sa.select(devices.c.name)).scalars())
    unknown = sorted(names - known)
    if unknown:
        raise NotFound(
            f"unknown device {unknown[0]!r}; known: {', '.join(sorted(known)) or 'none yet'}"
        )
    ids: list[int] = []
    for order in orders:
        result = connection.execute(
            jobs.insert().values(
                device=order.device,
                architecture=order.architecture,
                purpose=order.purpose,
                collection=order.collection,
                priority=order.priority,
                state=JobState.QUEUED,
                attempts=0,
                token=0,
                agent_id="",
                error="",
            )
        )
        ids.append(int(result.inserted_primary_key[0]))  # type: ignore[index]
    return ids


def lease(
    connection: sa.Connection,
    agent_id: str,
    names: Sequence[str],
    count: int,
    now_s: float,
    lease_s: float,
) -> list[LeasedJob]:
    """See ``Store.lease``."""
    if connection.execute(sa.select(agents.c.id).where(agents.c.id == agent_id)).first() is None:
        raise NotFound(f"agent {agent_id[:64]!r} is not registered here; it must register first")
    query = (
        sa.select(jobs.c.id, jobs.c.token, jobs.c.device, jobs.c.architecture)
        .join(devices, devices.c.name == jobs.c.device)
        .where(
            jobs.c.state == JobState.QUEUED,
            jobs.c.device.in_(names),
            devices.c.agent_id == agent_id,
        )
        .order_by(jobs.c.priority.desc(), jobs.c.id)
        .limit(count)
        .with_for_update(skip_locked=True, of=jobs)
    )
    rows = connection.execute(query).all()
    for row in rows:
        connection.execute(
            jobs.update()
            .where(jobs.c.id == row.id)
            .values(
                state=JobState.LEASED,
                token=row.token + 1,
                attempts=jobs.c.attempts + 1,
                agent_id=agent_id,
                lease_until_s=now_s + lease_s,
            )
        )
    return [LeasedJob(row.id, row.token + 1, row.device, row.architecture) for row in rows]


def _held(agent_id: str, ref: LeaseRef) -> sa.ColumnElement[bool]:
    return sa.and_(
        jobs.c.id == ref.job_id,
        jobs.c.token == ref.token,
        jobs.c.agent_id == agent_id,
        jobs.c.state == JobState.LEASED,
    )


def renew(
    connection: sa.Connection,
    agent_id: str,
    leases: Sequence[LeaseRef],
    now_s: float,
    lease_s: float,
) -> list[LeaseRef]:
    """See ``Store.renew``."""
    lost: list[LeaseRef] = []
    for ref in leases:
        result = connection.execute(
            jobs.update().where(_held(agent_id, ref)).values(lease_until_s=now_s + lease_s)
        )
        if result.rowcount == 0:
            lost.append(ref)
    return lost


def release(connection: sa.Connection, agent_id: str, leases: Sequence[LeaseRef]) -> None:
    """See ``Store.release``."""
    for ref in leases:
        connection.execute(
            jobs.update()
            .where(_held(agent_id, ref))
            .values(
                state=JobState.QUEUED,
                attempts=jobs.c.attempts - 1,
                agent_id="",
                lease_until_s=None,
            )
        )


def expire(connection: sa.Connection, now_s: float) -> int:
    """See ``Store.expire``."""
    ended = sa.and_(jobs.c.state == JobState.LEASED, jobs.c.lease_until_s < now_s)
    failed = connection.execute(
        jobs.update()
        .where(ended, jobs.c.attempts >= MAX_ATTEMPTS)
        .values(
            state=JobState.FAILED,
            lease_until_s=None,
            error=f"its agent went silent in each of {MAX_ATTEMPTS} attempts",
        )
    )
    queued = connection.execute(
        jobs.update().where(ended).values(state=JobState.QUEUED, agent_id="", lease_until_s=None)
    )
    return failed.rowcount + queued.rowcount


def extend_all(connection: sa.Connection, now_s: float, lease_s: float) -> None:
    """See ``Store.extend_all``."""
    connection.execute(
        jobs.update().where(jobs.c.state == JobState.LEASED).values(lease_until_s=now_s + lease_s)
    )


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
