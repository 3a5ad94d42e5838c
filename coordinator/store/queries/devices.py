"""Agents and devices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from coordinator.policy import ONLINE_WITHIN_S
from coordinator.store.tables import agents, devices, jobs, reports
from help_core.errors import Conflict, NotFound
from help_core.records import (
    Board,
    Device,
    DeviceStatus,
    JobState,
    Settings,
    Verdict,
    check_labels,
)

# Made once: an agent asks all the time, and making it takes longer than running it.
_SEEN = (
    agents.update()
    .where(agents.c.id == sa.bindparam("agent_"))
    .values(last_seen_s=sa.bindparam("now_"))
)


def register(
    connection: sa.Connection,
    agent_id: str,
    agent_version: str,
    offered: Sequence[Device],
    now_s: float,
) -> None:
    """See ``Store.register``."""
    if connection.execute(sa.select(agents.c.id).where(agents.c.id == agent_id)).first() is None:
        connection.execute(
            agents.insert().values(id=agent_id, version=agent_version, last_seen_s=now_s)
        )
    connection.execute(
        agents.update()
        .where(agents.c.id == agent_id)
        .values(version=agent_version, last_seen_s=now_s)
    )
    for device in offered:
        values = {"agent_id": agent_id, "board": asdict(device.board), "away": device.away}
        before = next(iter(find(connection, now_s, device.name)), None)
        if before is None:
            values |= {"name": device.name, "settings": asdict(device.settings)}
            connection.execute(devices.insert().values(values))
        else:
            _check_takeover(before, device, agent_id)
            connection.execute(devices.update().where(devices.c.name == device.name).values(values))


def _check_takeover(before: Device, device: Device, agent_id: str) -> None:
    if before.agent_id != agent_id and (before.online or before.away):
        raise Conflict(
            f"device name {device.name!r} is taken by an agent that is online;"
            " choose another with --device"
        )
    if before.settings != device.settings:
        old, new = asdict(before.settings), asdict(device.settings)
        changed = ", ".join(
            f"{key} {old[key]} -> {new[key]}" for key in old if old[key] != new[key]
        )
        raise Conflict(
            f"device {device.name!r} was registered with other settings ({changed});"
            " measurements under different settings are different devices:"
            " choose another name with --device"
        )


def seen(connection: sa.Connection, agent_id: str, now_s: float) -> bool:
    """See ``Store.seen``; whether the agent is known."""
    return connection.execute(_SEEN, {"agent_": agent_id, "now_": now_s}).rowcount > 0


def find(
    connection: sa.Connection, now_s: float, name: str = "", names: Sequence[str] | None = None
) -> list[Device]:
    """All devices by name, or the one of that name, or those of ``names``."""
    query = (
        sa.select(devices, agents.c.last_seen_s)
        .join(agents, agents.c.id == devices.c.agent_id)
        .order_by(devices.c.name)
    )
    if name:
        query = query.where(devices.c.name == name)
    if names is not None:
        query = query.where(devices.c.name.in_(names))
    return [
        Device(
            name=row.name,
            board=Board(**row.board),
            settings=Settings(**row.settings),
            agent_id=row.agent_id,
            last_seen_unix_s=row.last_seen_s,
            online=heard and not row.away,
            away=heard and row.away,
        )
        for row in connection.execute(query)
        for heard in [now_s - row.last_seen_s <= ONLINE_WITHIN_S]
    ]


def get(connection: sa.Connection, name: str, now_s: float) -> Device:
    """See ``Store.device``."""
    found = find(connection, now_s, name)
    if not found:
        names = connection.execute(sa.select(devices.c.name).order_by(devices.c.name)).scalars()
        known = ", ".join(names)
        raise NotFound(
            f"unknown device {name!r}; "
            + (f"known: {known}" if known else "none has registered yet: start 'help-agent run'")
        )
    return found[0]


def statuses(
    connection: sa.Connection, now_s: float, names: Sequence[str] | None = None
) -> list[DeviceStatus]:
    """See ``Store.device_statuses``; of all devices, or of at most a few hundred ``names``."""
    some = [] if names is None else list(names)
    job_counts = _counts(connection, jobs.c.device, jobs.c.state, some)
    verdicts = _counts(connection, reports.c.device, reports.c.verdict, some, ~reports.c.stale)
    rows = sa.select(devices) if names is None else sa.select(devices).where(_named(names))
    care = {row.name: row for row in connection.execute(rows)}
    return [
        DeviceStatus(
            device=device,
            queued_jobs=job_counts[device.name, JobState.QUEUED],
            leased_jobs=job_counts[device.name, JobState.LEASED],
            failed_jobs=job_counts[device.name, JobState.FAILED],
            valid_measurements=verdicts[device.name, Verdict.VALID],
            suspect_measurements=verdicts[device.name, Verdict.SUSPECT],
            labels=care[device.name].labels,
            note=care[device.name].note,
            failures_in_row=care[device.name].failures_in_row,
            quarantined=care[device.name].quarantined_until_s is not None,
        )
        for device in find(connection, now_s, names=names)
    ]


def _named(names: Sequence[str]) -> sa.ColumnElement[bool]:
    return devices.c.name.in_(names)


def _counts(
    connection: sa.Connection,
    device: sa.Column[str],
    kind: sa.Column[str],
    names: Sequence[str],
    *wanted: sa.ColumnElement[bool],
) -> Counter[tuple[str, str]]:
    """How many rows of each device and kind; of all devices if none is named."""
    query = sa.select(device, kind, sa.func.count()).where(*wanted).group_by(device, kind)
    if names:
        query = query.where(device.in_(names))
    return Counter({(name, one): count for name, one, count in connection.execute(query)})


def label(
    connection: sa.Connection,
    name: str,
    labels: Mapping[str, str | None],
    note: str | None,
) -> None:
    """See ``Store.label``."""
    row = _locked(connection, name)
    merged = {key: value for key, value in (row.labels | dict(labels)).items() if value is not None}
    values: dict[str, object] = {"labels": check_labels(merged)}
    if note is not None:
        values["note"] = note
    connection.execute(devices.update().where(devices.c.name == name).values(values))


def end_quarantine(connection: sa.Connection, name: str) -> bool:
    """See ``Store.end_quarantine``."""
    row = _locked(connection, name)
    connection.execute(
        devices.update()
        .where(devices.c.name == name)
        .values(failures_in_row=0, quarantined_until_s=None)
    )
    return row.quarantined_until_s is not None


def _locked(connection: sa.Connection, name: str) -> sa.Row[Any]:
    query = sa.select(devices).where(devices.c.name == name).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        get(connection, name, 0.0)
        raise NotFound(f"unknown device {name!r}")
    return row


def with_work(connection: sa.Connection) -> list[str]:
    """See ``Store.devices_with_work``."""
    queued = sa.exists().where(jobs.c.device == devices.c.name, jobs.c.state == JobState.QUEUED)
    return list(connection.execute(sa.select(devices.c.name).where(queued)).scalars())
