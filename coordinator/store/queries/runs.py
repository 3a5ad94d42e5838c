"""Requests to adapt."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from coordinator.store.plain import record_of
from coordinator.store.tables import adapt_runs as runs
from help_core.errors import NotFound
from help_core.records import (
    AdaptOrder,
    AdaptRun,
    Answer,
    Progress,
    RunState,
)

KEPT = 1000
STOPPED = "its coordinator stopped, and with it the command that waited"


def open_(connection: sa.Connection, run: AdaptRun, owner: str) -> None:
    """See ``RunStore.open``."""
    connection.execute(
        runs.insert().values(
            id=run.id,
            device=run.order.device,
            space=run.order.space,
            asked=asdict(run.order),
            asked_by=run.by[:128],
            detached=run.detached,
            state=run.state,
            started_s=run.started_unix_s,
            progress=asdict(run.progress),
            error=run.error,
            support={},
            owner=owner,
            touched_s=run.started_unix_s,
        )
    )
    old = (
        sa.select(runs.c.id)
        .where(runs.c.state != RunState.RUNNING)
        .order_by(runs.c.started_s.desc())
        .offset(KEPT)
        .limit(KEPT)
    )
    ids = list(connection.execute(old).scalars())
    if ids:
        connection.execute(runs.delete().where(runs.c.id.in_(ids)))


def note(
    connection: sa.Connection, run_id: str, owner: str, progress: Progress, now_s: float
) -> bool:
    """See ``RunStore.note``."""
    result = connection.execute(
        runs.update()
        .where(runs.c.id == run_id, runs.c.state == RunState.RUNNING, runs.c.owner == owner)
        .values(progress=asdict(progress), touched_s=now_s)
    )
    return result.rowcount > 0


def end(
    connection: sa.Connection,
    run_id: str,
    state: RunState,
    error: str,
    answer: Answer | None,
    now_s: float,
) -> bool:
    """See ``RunStore.end``."""
    values: dict[str, Any] = {"state": state, "error": error, "ended_s": now_s, "owner": ""}
    if answer is not None:
        values["support"] = {
            point.architecture: point.latency_ms
            for point in answer.support
            if point.device in ("", answer.device)
        }
        values["answer"] = zlib.compress(json.dumps(asdict(answer)).encode(), 6)
    result = connection.execute(
        runs.update().where(runs.c.id == run_id, runs.c.state == RunState.RUNNING).values(values)
    )
    return result.rowcount > 0


_LIGHT = tuple(column for column in runs.c if column.name not in ("answer", "support"))


def get(connection: sa.Connection, run_id: str) -> AdaptRun:
    """See ``RunStore.get``."""
    row = connection.execute(sa.select(*_LIGHT).where(runs.c.id == run_id)).first()
    if row is None:
        raise NotFound(f"there is no answer {run_id[:40]!r}; see the list of answers")
    return _run(row)


def get_answer(connection: sa.Connection, run_id: str) -> Answer | None:
    """See ``RunStore.answer``."""
    packed = connection.execute(sa.select(runs.c.answer).where(runs.c.id == run_id)).scalar()
    return None if packed is None else record_of(Answer, json.loads(zlib.decompress(packed)))


def find(
    connection: sa.Connection, device: str, state: RunState | None, limit: int, offset: int
) -> tuple[list[AdaptRun], int]:
    """See ``RunStore.find``."""
    wanted = [runs.c.device == device] if device else []
    if state is not None:
        wanted.append(runs.c.state == state)
    query = sa.select(*_LIGHT).where(*wanted).order_by(runs.c.started_s.desc(), runs.c.id)
    found = [_run(row) for row in connection.execute(query.limit(limit).offset(offset))]
    total = connection.execute(sa.select(sa.func.count()).select_from(runs).where(*wanted))
    return found, total.scalar_one()


def claim(
    connection: sa.Connection, owner: str, silent_since_s: float, now_s: float
) -> list[AdaptRun]:
    """See ``RunStore.claim``."""
    orphaned = (
        runs.c.state == RunState.RUNNING,
        sa.or_(runs.c.owner == "", runs.c.touched_s < silent_since_s),
        runs.c.owner != owner,
    )
    connection.execute(
        runs.update()
        .where(*orphaned, ~runs.c.detached)
        .values(state=RunState.CANCELLED, error=STOPPED, ended_s=now_s, owner="")
    )
    rows = connection.execute(sa.select(*_LIGHT).where(*orphaned, runs.c.detached))
    claimed = []
    for row in rows.all():
        # Two coordinators may look at once; one of them gets each run.
        taken = connection.execute(
            runs.update().where(runs.c.id == row.id, *orphaned).values(owner=owner, touched_s=now_s)
        )
        if taken.rowcount:
            claimed.append(_run(row))
    return claimed


def release(connection: sa.Connection, owner: str) -> None:
    """See ``RunStore.release``."""
    connection.execute(
        runs.update()
        .where(runs.c.state == RunState.RUNNING, runs.c.owner == owner)
        .values(owner="")
    )


def supports(connection: sa.Connection, space: str, limit: int) -> dict[str, dict[str, float]]:
    """See ``RunStore.supports``."""
    query = (
        sa.select(runs.c.device, runs.c.support)
        .where(runs.c.state == RunState.DONE, runs.c.space == space)
        .order_by(runs.c.started_s.desc())
        .limit(limit)
    )
    found: dict[str, dict[str, float]] = {}
    for row in connection.execute(query):
        found.setdefault(row.device, row.support)
    return found


def _run(row: Any) -> AdaptRun:
    return AdaptRun(
        id=row.id,
        order=record_of(AdaptOrder, row.asked),
        by=row.asked_by,
        detached=row.detached,
        state=RunState(row.state),
        started_unix_s=row.started_s,
        ended_unix_s=row.ended_s,
        progress=Progress(**row.progress),
        error=row.error,
    )
