"""Parts of the store for whoever looks at it: aggregates and pages instead of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.store.queries import collections as collection_queries
from coordinator.store.queries import devices as device_queries
from coordinator.store.queries import views as queries
from coordinator.store.queries.views import Condition, MeasuredMedian
from coordinator.store.runs import Transaction
from help_core.records import CollectionStatus, DeviceStatus

__all__ = ["Condition", "Glance", "MeasuredMedian", "SqlViews"]


@dataclass(frozen=True, slots=True)
class Glance:
    """A device with what was read when it measured last."""

    status: DeviceStatus
    newest: Condition | None


class SqlViews:
    """Reads only; each method is one transaction, from any thread."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def glances(self, names: Sequence[str], now_s: float) -> list[Glance]:
        """Those devices by name, with counts of their jobs and measurements."""
        with self._transaction(write=False) as connection:
            statuses = device_queries.statuses(connection, now_s, names)
            newest = queries.newest(connection, names)
        return [Glance(status, newest.get(status.device.name)) for status in statuses]

    def conditions(self, device: str, limit: int) -> list[Condition]:
        """The newest measurements of a device with what was read around them, oldest first."""
        with self._transaction(write=False) as connection:
            return queries.conditions(connection, device, limit)

    def medians(self, device: str, space: str, limit: int) -> list[MeasuredMedian]:
        """The newest medians of a device in a space, one of each architecture."""
        with self._transaction(write=False) as connection:
            return queries.medians(connection, device, space, limit)

    def collections(self, limit: int, offset: int) -> tuple[list[CollectionStatus], int]:
        """Collections from the newest on, and how many there are."""
        with self._transaction(write=False) as connection:
            return collection_queries.page(connection, limit, offset)
