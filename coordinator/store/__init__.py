"""What the coordinator remembers: devices, jobs, leases, measurements, tables, adaptations."""

from coordinator.store.contract import (
    Acknowledgement,
    Adaptation,
    Delivery,
    JobOrder,
    Recorded,
    Store,
    StoredMeasurement,
)
from coordinator.store.sql import SqlStore, open_store

__all__ = [
    "Acknowledgement",
    "Adaptation",
    "Delivery",
    "JobOrder",
    "Recorded",
    "SqlStore",
    "Store",
    "StoredMeasurement",
    "open_store",
]
