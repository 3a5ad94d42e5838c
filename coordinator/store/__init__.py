"""What the coordinator remembers: devices, jobs, leases, measurements, tables, adaptations."""

from coordinator.store.contract import (
    Acknowledgement,
    Adaptation,
    JobOrder,
    Store,
    StoredMeasurement,
)
from coordinator.store.sql import SqlStore, open_store

__all__ = [
    "Acknowledgement",
    "Adaptation",
    "JobOrder",
    "SqlStore",
    "Store",
    "StoredMeasurement",
    "open_store",
]
