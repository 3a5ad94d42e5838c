"""Reports: measurements and failures, and what they do to their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import sqlalchemy as sa

from coordinator.store.contract import Acknowledgement, StoredMeasurement
from coordinator.store.queries.jobs import BATCH, MAX_ATTEMPTS
from coordinator.store.tables import jobs, reports
from help_core.records import (
    ColdFigures,
    Failure,
    JobState,
    Measurement,
    Reading,
    Report,
    Summary,
    Verdict,
)


def record(connection: sa.Connection, agent_id: str, report: Report) -> Acknowledgement:
    """See ``Store.record``."""
    if connection.execute(sa.select(reports.c.id).where(reports.c.key == report.key)).first():
        return Acknowledgement.DUPLICATE
    job = connection.execute(
        sa.select(jobs).where(jobs.c.id == report.job_id).with_for_update()
    ).first()
    if job is None:
        return Acknowledgement.REFUSED
    current = (
        job.state == JobState.LEASED and job.token == report.token and job.agent_id == agent_id
    )
    connection.execute(
        reports.insert().values(
            key=report.key,
            job_id=report.job_id,
            token=report.token,
            stale=not current,
            agent_id=agent_id,
            device=job.device,
            architecture=job.architecture,
            measured_unix_s=report.measured_unix_s,
            **_outcome_columns(report.outcome),
        )
    )
    if not current:
        return Acknowledgement.STALE
    connection.execute(
        jobs.update()
        .where(jobs.c.id == report.job_id)
        .values(lease_until_s=None, **_next_state(report.outcome, job.attempts))
    )
    return Acknowledgement.STORED


def _next_state(outcome: Measurement | Failure, attempts: int) -> dict[str, Any]:
    if isinstance(outcome, Measurement):
        return {"state": JobState.DONE, "error": ""}
    error = f"{outcome.failure_class}: {outcome.message}"
    if outcome.failure_class.retriable and attempts < MAX_ATTEMPTS:
        return {"state": JobState.QUEUED, "agent_id": "", "error": error}
    return {"state": JobState.FAILED, "error": error}


def _outcome_columns(outcome: Measurement | Failure) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {
            "verdict": "",
            "failure_class": outcome.failure_class,
            "message": outcome.message,
        }
    return {
        "verdict": outcome.verdict,
        "median_ms": outcome.summary.median_ms,
        "samples_ns": np.array(outcome.samples_ns, dtype="<u8").tobytes(),
        "details": {
            "summary": asdict(outcome.summary),
            "reasons": list(outcome.reasons),
            "readings": [asdict(reading) for reading in outcome.readings],
            "fingerprint": dict(outcome.fingerprint),
            "processes": [asdict(cold) for cold in outcome.processes],
        },
        "failure_class": "",
        "message": "",
    }


def measurements(
    connection: sa.Connection, device: str, architectures: Sequence[str] | None
) -> list[StoredMeasurement]:
    """See ``Store.measurements``."""
    query = (
        sa.select(reports)
        .where(
            reports.c.device == device,
            reports.c.verdict.in_([Verdict.VALID, Verdict.SUSPECT]),
            ~reports.c.stale,
        )
        .order_by(reports.c.id)
    )
    if architectures is None:
        return [_measurement(row) for row in connection.execute(query)]
    found: list[StoredMeasurement] = []
    for start in range(0, len(architectures), BATCH):
        part = query.where(reports.c.architecture.in_(architectures[start : start + BATCH]))
        found += [_measurement(row) for row in connection.execute(part)]
    return found


def _measurement(row: Any) -> StoredMeasurement:
    details = row.details
    return StoredMeasurement(
        key=row.key,
        device=row.device,
        architecture=row.architecture,
        measured_unix_s=row.measured_unix_s,
        measurement=Measurement(
            samples_ns=tuple(np.frombuffer(row.samples_ns, dtype="<u8").tolist()),
            summary=Summary(**details["summary"]),
            verdict=Verdict(row.verdict),
            reasons=tuple(details["reasons"]),
            readings=tuple(Reading(**reading) for reading in details["readings"]),
            fingerprint=details["fingerprint"],
            processes=tuple(ColdFigures(**cold) for cold in details["processes"]),
        ),
    )
