"""Imported latency tables, the fleet's own latencies, and adaptations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from coordinator.store.contract import Adaptation
from coordinator.store.tables import accuracy_rows, adaptations, reports, table_rows
from help_core.records import AccuracyRow, TableOrigin, TableRow, Verdict


def add(connection: sa.Connection, space: str, source: str, rows: Iterable[TableRow]) -> int:
    """See ``Store.add_rows``."""
    values = [
        {
            "space": space,
            "device": row.device,
            "architecture": row.architecture,
            "latency_ms": row.latency_ms,
            "source": source,
        }
        for row in rows
    ]
    if not values:
        return 0
    connection.execute(
        table_rows.delete().where(
            table_rows.c.space == space,
            table_rows.c.device == sa.bindparam("old_device"),
            table_rows.c.architecture == sa.bindparam("old_architecture"),
        ),
        [
            {"old_device": value["device"], "old_architecture": value["architecture"]}
            for value in values
        ],
    )
    connection.execute(table_rows.insert(), values)
    return len(values)


def rows(
    connection: sa.Connection, space: str, devices: Sequence[str], origin: TableOrigin
) -> list[TableRow]:
    """See ``Store.rows``."""
    found: dict[tuple[str, str], TableRow] = {}
    if origin is not TableOrigin.MEASURED:
        query = sa.select(
            table_rows.c.architecture, table_rows.c.device, table_rows.c.latency_ms
        ).where(table_rows.c.space == space)
        if devices:
            query = query.where(table_rows.c.device.in_(devices))
        for row in connection.execute(query):
            found[row.device, row.architecture] = TableRow(*row)
    if origin is not TableOrigin.IMPORTED:
        # Later measurements overwrite earlier ones, so the newest stays.
        query = (
            sa.select(reports.c.architecture, reports.c.device, reports.c.median_ms)
            .where(
                reports.c.verdict == Verdict.VALID,
                ~reports.c.stale,
                reports.c.architecture.startswith(f"{space}:", autoescape=True),
            )
            .order_by(reports.c.id)
        )
        if devices:
            query = query.where(reports.c.device.in_(devices))
        for row in connection.execute(query):
            found[row.device, row.architecture] = TableRow(*row)
    return sorted(found.values(), key=lambda row: (row.architecture, row.device))


def set_accuracies(
    connection: sa.Connection, space: str, source: str, rows: Sequence[AccuracyRow]
) -> None:
    """See ``Store.set_accuracies``."""
    connection.execute(accuracy_rows.delete().where(accuracy_rows.c.space == space))
    if rows:
        connection.execute(
            accuracy_rows.insert(),
            [
                {
                    "space": space,
                    "architecture": row.architecture,
                    "accuracy_percent": row.accuracy_percent,
                    "source": source,
                }
                for row in rows
            ],
        )


def accuracies(connection: sa.Connection, space: str) -> tuple[str, list[AccuracyRow]]:
    """See ``Store.accuracies``."""
    columns = (accuracy_rows.c.architecture, accuracy_rows.c.accuracy_percent)
    found = connection.execute(
        sa.select(*columns, accuracy_rows.c.source).where(accuracy_rows.c.space == space)
    ).all()
    source = found[0].source if found else ""
    return source, [AccuracyRow(row.architecture, row.accuracy_percent) for row in found]


def set_adaptation(connection: sa.Connection, adaptation: Adaptation) -> None:
    """See ``Store.set_adaptation``."""
    connection.execute(
        adaptations.delete().where(
            adaptations.c.device == adaptation.device, adaptations.c.space == adaptation.space
        )
    )
    connection.execute(
        adaptations.insert().values(
            device=adaptation.device,
            space=adaptation.space,
            predictor=adaptation.predictor,
            seed=adaptation.seed,
            support=list(adaptation.support),
        )
    )


def get_adaptation(connection: sa.Connection, device: str, space: str) -> Adaptation | None:
    """See ``Store.adaptation``."""
    row = connection.execute(
        sa.select(adaptations).where(adaptations.c.device == device, adaptations.c.space == space)
    ).first()
    if row is None:
        return None
    return Adaptation(row.device, row.space, row.predictor, row.seed, tuple(row.support))
