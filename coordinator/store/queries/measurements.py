"""Measurements out of stored reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from coordinator.store.contract import StoredMeasurement
from coordinator.store.queries.lists import BATCH
from coordinator.store.tables import reports
from help_core.records import ColdFigures, Measurement, Reading, Summary, Verdict


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
