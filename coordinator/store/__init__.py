"""What the coordinator remembers: devices, jobs, leases, measurements, tables, adaptations."""

from coordinator.store.contract import (
    Acknowledgement,
    Adaptation,
    JobOrder,
    Store,
    StoredMeasurement,
    TableOrigin,
    TableRow,
)
from coordinator.store.sql import SqlStore, open_store

__all__ = [
    "Acknowledgement",
    "Adaptation",
    "JobOrder",
    "SqlStore",
    "Store",
    "StoredMeasurement",
    "TableOrigin",
    "TableRow",
    "open_store",
]
