"""What pages show: the newest measurements without their samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from coordinator.store.queries.lists import BATCH
from coordinator.store.tables import devices, reports
from help_core.records import Verdict

TEMPERATURE = "cpu_temperature_c"


@dataclass(frozen=True, slots=True)
class Condition:
    """A measurement's moment, median, verdict, and the board's readings after it."""

    measured_unix_s: float
    architecture: str
    median_ms: float
    verdict: Verdict
    reasons: tuple[str, ...]
    readings: Mapping[str, float]
    """After the measurement, or before it where only that could be read."""

    @property
    def temperature_c(self) -> float | None:
        """The board's, where it can be read."""
        return self.readings.get(TEMPERATURE)


@dataclass(frozen=True, slots=True)
class MeasuredMedian:
    """The newest median of an architecture on a device."""

    architecture: str
    latency_ms: float
    verdict: Verdict


_COLUMNS = (
    reports.c.device,
    reports.c.measured_unix_s,
    reports.c.architecture,
    reports.c.median_ms,
    reports.c.verdict,
    reports.c.details,
)
_USABLE = (~reports.c.stale, reports.c.median_ms.is_not(None))


def newest(connection: sa.Connection, names: Sequence[str]) -> dict[str, Condition]:
    """The newest measurement of each device that has one."""
    last = (
        sa.select(reports.c.id)
        .where(reports.c.device == devices.c.name, *_USABLE)
        .order_by(reports.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    found: dict[str, Condition] = {}
    for start in range(0, len(names), BATCH):
        wanted = sa.select(last).where(devices.c.name.in_(names[start : start + BATCH]))
        ids = [one for one in connection.execute(wanted).scalars() if one is not None]
        rows = connection.execute(sa.select(*_COLUMNS).where(reports.c.id.in_(ids)))
        found |= {row.device: _condition(row) for row in rows}
    return found


def conditions(connection: sa.Connection, device: str, limit: int) -> list[Condition]:
    """See ``SqlViews.conditions``."""
    query = (
        sa.select(*_COLUMNS)
        .where(reports.c.device == device, *_USABLE)
        .order_by(reports.c.id.desc())
        .limit(limit)
    )
    return [_condition(row) for row in connection.execute(query)][::-1]


def medians(connection: sa.Connection, device: str, space: str, limit: int) -> list[MeasuredMedian]:
    """See ``SqlViews.medians``."""
    query = (
        sa.select(reports.c.architecture, reports.c.median_ms, reports.c.verdict)
        .where(
            reports.c.device == device,
            *_USABLE,
            reports.c.verdict.in_([Verdict.VALID, Verdict.SUSPECT]),
            reports.c.architecture.startswith(f"{space}:", autoescape=True),
        )
        .order_by(reports.c.id.desc())
        .limit(limit)
    )
    found: dict[str, MeasuredMedian] = {}
    for row in connection.execute(query):
        found.setdefault(
            row.architecture, MeasuredMedian(row.architecture, row.median_ms, Verdict(row.verdict))
        )
    return list(found.values())


def _condition(row: Any) -> Condition:
    details = row.details or {}
    readings = {}
    for reading in details.get("readings", ()):
        value = reading["before"] if reading["after"] is None else reading["after"]
        if value is not None:
            readings[reading["name"]] = float(value)
    return Condition(
        row.measured_unix_s,
        row.architecture,
        row.median_ms,
        Verdict(row.verdict),
        tuple(details.get("reasons", ())),
        readings,
    )
