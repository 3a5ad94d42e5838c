"""Leases: which agent may make which job, and until when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from coordinator.policy import QUARANTINE_S, SILENT_ATTEMPTS
from coordinator.scheduling import Candidate, choose
from coordinator.store.queries import collections as collection_queries
from coordinator.store.queries import devices as device_queries
from coordinator.store.queries.lists import BATCH, one_of
from coordinator.store.tables import devices, jobs
from help_core.errors import NotFound
from help_core.records import JobState, LeasedJob, LeaseRef

_CANDIDATE_COLUMNS = (
    jobs.c.id,
    jobs.c.token,
    jobs.c.architecture,
    jobs.c.priority,
    jobs.c.attempts,
)

# Made once: to make them for each lease would take longer than to run them.
_SERVED = sa.select(devices.c.name, devices.c.turn, devices.c.quarantined_until_s).where(
    devices.c.name.in_(sa.bindparam("names", expanding=True)),
    devices.c.agent_id == sa.bindparam("agent"),
)
_QUEUED_FOR = sa.and_(
    jobs.c.device == sa.bindparam("device_"), jobs.c.state == JobState.QUEUED.value
)
_COLLECTION = sa.select(sa.func.min(jobs.c.collection)).where(_QUEUED_FOR)
_NEXT_COLLECTION = _COLLECTION.where(jobs.c.collection > sa.bindparam("before"))
_QUEUED_IN = sa.and_(_QUEUED_FOR, jobs.c.collection == sa.bindparam("collection_"))
_HIGHEST = sa.select(sa.func.max(jobs.c.priority)).where(_QUEUED_IN)
_NEXT_HIGHEST = _HIGHEST.where(jobs.c.priority < sa.bindparam("above"))
_FIRST = (
    sa.select(*_CANDIDATE_COLUMNS)
    .where(_QUEUED_IN, jobs.c.priority == sa.bindparam("priority_"))
    .order_by(jobs.c.attempts, jobs.c.id)
    .limit(sa.bindparam("count_"))
    .with_for_update(skip_locked=True)
)


def lease(
    connection: sa.Connection,
    agent_id: str,
    names: Sequence[str],
    count: int,
    now_s: float,
    lease_s: float,
) -> list[LeasedJob]:
    """See ``Store.lease``."""
    if not device_queries.seen(connection, agent_id, now_s):
        raise NotFound(f"agent {agent_id[:64]!r} is not registered here; it must register first")
    served = connection.execute(_SERVED, {"names": list(names), "agent": agent_id}).all()
    found: dict[int, sa.Row[Any]] = {}
    candidates: list[Candidate] = []
    for device in served:
        quarantined = device.quarantined_until_s is not None
        if quarantined and device.quarantined_until_s > now_s:
            continue
        for collection in _waiting_collections(connection, device.name):
            rows = _first(connection, device.name, collection, 1 if quarantined else count)
            found |= {row.id: row for row in rows}
            candidates += [
                Candidate(row.id, device.name, collection, row.priority, row.attempts)
                for row in rows
            ]
    chosen = choose(candidates, count, sum(device.turn for device in served))
    chosen = _one_trial_each(
        chosen, {device.name for device in served if device.quarantined_until_s is not None}
    )
    if not chosen:
        return []
    _take(connection, agent_id, chosen, now_s, lease_s)
    return [
        LeasedJob(
            one.job_id, found[one.job_id].token + 1, one.device, found[one.job_id].architecture
        )
        for one in chosen
    ]


def _waiting_collections(connection: sa.Connection, device: str) -> Iterator[str]:
    """Collections with queued jobs of a device, each found by one look into the index."""
    name = connection.execute(_COLLECTION, {"device_": device}).scalar()
    while name is not None:
        yield name
        name = connection.execute(_NEXT_COLLECTION, {"device_": device, "before": name}).scalar()


def _first(
    connection: sa.Connection, device: str, collection: str, count: int
) -> list[sa.Row[Any]]:
    """The first queued jobs of a collection, locked; jobs that others have locked are skipped."""
    queued = {"device_": device, "collection_": collection}
    found: list[sa.Row[Any]] = []
    # One priority at a time, so that the index has the order and nothing is sorted.
    priority = connection.execute(_HIGHEST, queued).scalar()
    while priority is not None and len(found) < count:
        wanted = {**queued, "priority_": priority, "count_": count - len(found)}
        found.extend(connection.execute(_FIRST, wanted))
        if len(found) < count:
            priority = connection.execute(_NEXT_HIGHEST, {**queued, "above": priority}).scalar()
    return found


def _one_trial_each(chosen: Sequence[Candidate], on_trial: set[str]) -> list[Candidate]:
    """Without all but the first job of each device that is on trial."""
    kept: list[Candidate] = []
    for one in chosen:
        if one.device not in on_trial or all(other.device != one.device for other in kept):
            kept.append(one)
    return kept


def _take(
    connection: sa.Connection,
    agent_id: str,
    chosen: Sequence[Candidate],
    now_s: float,
    lease_s: float,
) -> None:
    ids = [one.job_id for one in chosen]
    connection.execute(
        jobs.update()
        .where(one_of(connection, jobs.c.id, ids))
        .values(
            state=JobState.LEASED,
            token=jobs.c.token + 1,
            attempts=jobs.c.attempts + 1,
            agent_id=agent_id,
            lease_until_s=now_s + lease_s,
        )
    )
    for name in {one.device for one in chosen}:
        taken = sum(one.device == name for one in chosen)
        # While a trial is under way there is no other.
        until = sa.case((devices.c.quarantined_until_s.is_not(None), now_s + QUARANTINE_S))
        connection.execute(
            devices.update()
            .where(devices.c.name == name)
            .values(turn=devices.c.turn + taken, quarantined_until_s=until)
        )


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
    device_queries.seen(connection, agent_id, now_s)
    held: set[LeaseRef] = set()
    wanted = sorted(leases, key=lambda ref: ref.job_id)
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        result = connection.execute(
            jobs.update()
            .where(
                # By their ids first: by state a heartbeat would read every lease of the fleet.
                one_of(connection, jobs.c.id, [ref.job_id for ref in part]),
                sa.tuple_(jobs.c.id, jobs.c.token).in_([(ref.job_id, ref.token) for ref in part]),
                jobs.c.agent_id == agent_id,
                # An expression that no index serves.
                (jobs.c.state + "") == JobState.LEASED,
            )
            .values(lease_until_s=now_s + lease_s)
            .returning(jobs.c.id, jobs.c.token)
        )
        held |= {LeaseRef(*row) for row in result}
    return [ref for ref in leases if ref not in held]


def release(connection: sa.Connection, agent_id: str, leases: Sequence[LeaseRef]) -> None:
    """See ``Store.release``."""
    for ref in sorted(leases, key=lambda ref: ref.job_id):
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
        .where(ended, jobs.c.attempts >= SILENT_ATTEMPTS)
        .values(
            state=JobState.FAILED,
            lease_until_s=None,
            error=f"its agent went silent in each of {SILENT_ATTEMPTS} attempts",
        )
    )
    queued = connection.execute(
        jobs.update().where(ended).values(state=JobState.QUEUED, agent_id="", lease_until_s=None)
    )
    collection_queries.end_overdue(connection, now_s)
    return failed.rowcount + queued.rowcount


def extend_all(connection: sa.Connection, now_s: float, lease_s: float) -> None:
    """See ``Store.extend_all``."""
    connection.execute(
        jobs.update().where(jobs.c.state == JobState.LEASED).values(lease_until_s=now_s + lease_s)
    )
