"""Reports: measurements and failures, and what they do to their jobs and devices."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from coordinator.policy import BOARD_FAILURES, quarantine_until_s, try_again
from coordinator.store.contract import Acknowledgement, Delivery, Recorded
from coordinator.store.queries.lists import one_of
from coordinator.store.tables import devices, jobs, reports
from help_core.records import Failure, JobState, Measurement, Report, Summary

_JOB_COLUMNS = (
    jobs.c.id,
    jobs.c.state,
    jobs.c.token,
    jobs.c.agent_id,
    jobs.c.attempts,
    jobs.c.device,
    jobs.c.architecture,
)

_INSERT = reports.insert().inline()


@dataclass(slots=True)
class _Job:
    """A job as the reports of one transaction move it on."""

    id: int
    state: str
    token: int
    agent_id: str
    attempts: int
    device: str
    architecture: str
    error: str = ""
    changed: bool = False


def record_all(
    connection: sa.Connection, deliveries: Sequence[Delivery], now_s: float
) -> list[Recorded]:
    """See ``Store.record_all``."""
    # The jobs first: their locks make coordinators that hold the same report take turns.
    moved = _locked_jobs(connection, {one.report.job_id for one in deliveries})
    known = _known_keys(connection, [one.report.key for one in deliveries])
    results: list[Recorded] = []
    rows: list[dict[str, Any]] = []
    counted: list[tuple[str, Report]] = []
    for one in deliveries:
        report, job = one.report, moved.get(one.report.job_id)
        if report.key in known:
            results.append(Recorded(Acknowledgement.DUPLICATE, job.device if job else ""))
            continue
        if job is None:
            results.append(Recorded(Acknowledgement.REFUSED, ""))
            continue
        known.add(report.key)
        current = (job.state, job.token, job.agent_id) == (
            JobState.LEASED,
            report.token,
            one.agent_id,
        )
        rows.append(_row(one, job, stale=not current))
        counted.append((job.device, report))
        if current:
            _move_on(job, report.outcome)
        kind = Acknowledgement.STORED if current else Acknowledgement.STALE
        results.append(Recorded(kind, job.device))
    if rows:
        _insert(connection, rows)
        _save_jobs(connection, [job for job in moved.values() if job.changed])
        _count_failures(connection, counted, now_s)
    return results


def _insert(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Straight to the driver: SQLAlchemy's work on each value takes longer than the insert."""
    if connection.dialect.name == "postgresql":
        _copy(connection, rows)
        return
    compiled = _INSERT.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = compiled.positiontup
    if names is None:
        connection.exec_driver_sql(str(compiled), list(rows))
    else:
        read = itemgetter(*names)
        connection.exec_driver_sql(str(compiled), [read(row) for row in rows])


def _copy(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """PostgreSQL's COPY: one statement however many rows there are."""
    columns = list(rows[0])
    statement = f"COPY reports ({', '.join(columns)}) FROM STDIN"
    read = itemgetter(*columns)
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(read(row))
    except connection.dialect.loaded_dbapi.Error as error:
        raise sa.exc.DBAPIError(statement, None, error) from error
    finally:
        cursor.close()


def _locked_jobs(connection: sa.Connection, job_ids: Iterable[int]) -> dict[int, _Job]:
    # In the order of their ids, so that two coordinators never wait for each other.
    ids = sorted(job_ids)
    query = sa.select(*_JOB_COLUMNS).where(one_of(connection, jobs.c.id, ids))
    rows = connection.execute(query.order_by(jobs.c.id).with_for_update()).all()
    return {row[0]: _Job(*row) for row in rows}


def _known_keys(connection: sa.Connection, keys: Sequence[str]) -> set[str]:
    query = sa.select(reports.c.key).where(one_of(connection, reports.c.key, keys))
    return set(connection.execute(query).scalars())


def _row(one: Delivery, job: _Job, *, stale: bool) -> dict[str, Any]:
    report = one.report
    return {
        "key": report.key,
        "job_id": report.job_id,
        "token": report.token,
        "stale": stale,
        "agent_id": one.agent_id,
        "device": job.device,
        "architecture": job.architecture,
        "measured_unix_s": report.measured_unix_s,
        **_outcome_columns(report.outcome),
    }


def _outcome_columns(outcome: Measurement | Failure) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {
            "verdict": "",
            "median_ms": None,
            "samples_ns": None,
            "details": "null",
            "failure_class": outcome.failure_class.value,
            "message": outcome.message,
        }
    return {
        "verdict": outcome.verdict.value,
        "median_ms": outcome.summary.median_ms,
        "samples_ns": struct.pack(f"<{len(outcome.samples_ns)}Q", *outcome.samples_ns),
        "details": _details(outcome),
        "failure_class": "",
        "message": "",
    }


_to_json = json.JSONEncoder(check_circular=False).encode


def _details(measurement: Measurement) -> str:
    # Written out: dataclasses.asdict would take most of the time of a batch.
    return _to_json(
        {
            "summary": _plain_summary(measurement.summary),
            "reasons": measurement.reasons,
            "readings": [
                {"name": one.name, "before": one.before, "after": one.after}
                for one in measurement.readings
            ],
            "fingerprint": dict(measurement.fingerprint),
            "processes": [
                {
                    "build_ms": one.build_ms,
                    "session_ms": one.session_ms,
                    "first_run_ms": one.first_run_ms,
                    "warmup_runs": one.warmup_runs,
                }
                for one in measurement.processes
            ],
        }
    )


def _plain_summary(summary: Summary) -> dict[str, float]:
    return {
        "median_ms": summary.median_ms,
        "low_ms": summary.low_ms,
        "high_ms": summary.high_ms,
        "min_ms": summary.min_ms,
        "q1_ms": summary.q1_ms,
        "q3_ms": summary.q3_ms,
        "mean_ms": summary.mean_ms,
    }


def _move_on(job: _Job, outcome: Measurement | Failure) -> None:
    job.changed = True
    if isinstance(outcome, Measurement):
        job.state, job.error = JobState.DONE, ""
        return
    job.error = f"{outcome.failure_class}: {outcome.message}"
    if try_again(outcome.failure_class, job.attempts):
        job.state, job.agent_id = JobState.QUEUED, ""
    else:
        job.state = JobState.FAILED


def _save_jobs(connection: sa.Connection, changed: Sequence[_Job]) -> None:
    done = [job.id for job in changed if job.state == JobState.DONE]
    if done:
        connection.execute(
            jobs.update()
            .where(one_of(connection, jobs.c.id, done))
            .values(state=JobState.DONE, error="", lease_until_s=None)
        )
    for job in changed:
        if job.state != JobState.DONE:
            connection.execute(
                jobs.update()
                .where(jobs.c.id == job.id)
                .values(state=job.state, error=job.error, agent_id=job.agent_id, lease_until_s=None)
            )


def _count_failures(
    connection: sa.Connection, counted: Sequence[tuple[str, Report]], now_s: float
) -> None:
    """Failures in a row of each device, and quarantine; most batches change nothing here."""
    names = sorted({name for name, _ in counted})
    query = sa.select(devices.c.name, devices.c.failures_in_row).where(
        one_of(connection, devices.c.name, names)
    )
    before = {row.name: row.failures_in_row for row in connection.execute(query)}
    after = dict(before)
    for name, report in counted:
        if isinstance(report.outcome, Measurement):
            after[name] = 0
        elif report.outcome.failure_class in BOARD_FAILURES:
            after[name] += 1
    for name, count in after.items():
        if count != before[name]:
            connection.execute(
                devices.update()
                .where(devices.c.name == name)
                .values(failures_in_row=count, quarantined_until_s=quarantine_until_s(count, now_s))
            )
