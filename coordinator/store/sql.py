"""The store on SQLAlchemy: SQLite when nothing is said, any other database by URL."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from coordinator.store.access import SqlAccessStore
from coordinator.store.contract import (
    Acknowledgement,
    Adaptation,
    Delivery,
    JobOrder,
    Recorded,
    StoredMeasurement,
)
from coordinator.store.engine import make_engine, readable_name
from coordinator.store.migrate import upgrade
from coordinator.store.queries import collections as collection_queries
from coordinator.store.queries import devices as device_queries
from coordinator.store.queries import jobs as job_queries
from coordinator.store.queries import leases as lease_queries
from coordinator.store.queries import measurements as measurement_queries
from coordinator.store.queries import models as model_queries
from coordinator.store.queries import reports as report_queries
from coordinator.store.queries import tables as table_queries
from coordinator.store.runs import SqlRunStore
from coordinator.store.views import SqlViews
from help_core.errors import StoreError
from help_core.records import (
    AccuracyRow,
    CollectionOrder,
    CollectionStatus,
    Device,
    DeviceStatus,
    Job,
    JobState,
    LeasedJob,
    LeaseRef,
    Report,
    StoredModel,
    TableOrigin,
    TableRow,
)
from help_core.spaces.own.transfer import Chunk, Manifest


def open_store(url: str) -> SqlStore:
    """The store at a database URL, brought to the newest schema; raises ``StoreError``."""
    engine = make_engine(url)
    store = SqlStore(engine)
    try:
        upgrade(engine)
    except SQLAlchemyError as error:
        store.close()
        raise StoreError(_explain(engine, error)) from None
    return store


def _explain(engine: sa.Engine, error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    reason = str(cause).splitlines()[0][:200]
    return (
        f"the store {readable_name(engine.url)} cannot be used ({reason});"
        " check the disk, or name another with --store"
    )


class SqlStore:
    """Implements ``Store``; see there."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._trouble: StoreError | None = None
        # SQLite has one writer at a time, and those who wait for it look again after 1-100 ms;
        # a lock hands over at once. A server's writers do not wait for each other here.
        is_file = engine.dialect.name == "sqlite"
        self._writing: AbstractContextManager[object] = (
            threading.Lock() if is_file else nullcontext()
        )

    @contextmanager
    def _transaction(self, *, write: bool, durable: bool = True) -> Iterator[sa.Connection]:
        """Leases need not survive a power cut: at worst a job is made twice and one is stale."""
        options = {"help_write": write, "help_durable": durable}
        try:
            with (
                self._writing if write else nullcontext(),
                self._engine.connect().execution_options(**options) as connection,
                connection.begin(),
            ):
                yield connection
        except SQLAlchemyError as error:
            failure = StoreError(_explain(self._engine, error))
            if write:
                self._trouble = failure
            raise failure from error
        if write:
            self._trouble = None

    def trouble(self) -> StoreError | None:
        """See ``Store.trouble``."""
        return self._trouble

    @property
    def access(self) -> SqlAccessStore:
        """Tokens, certificates and the audit log of the same database."""
        return SqlAccessStore(self._transaction)

    @property
    def runs(self) -> SqlRunStore:
        """Requests to adapt, with their answers."""
        return SqlRunStore(self._transaction)

    @property
    def views(self) -> SqlViews:
        """Pages and aggregates for whoever looks."""
        return SqlViews(self._transaction)

    def close(self) -> None:
        """Frees the connections."""
        self._engine.dispose()

    # Each method is one transaction around the query of the same name; the contract says what.

    def register(
        self, agent_id: str, agent_version: str, devices: Sequence[Device], now_s: float
    ) -> None:
        with self._transaction(write=True) as connection:
            device_queries.register(connection, agent_id, agent_version, devices, now_s)

    def seen(self, agent_id: str, now_s: float) -> None:
        with self._transaction(write=True, durable=False) as connection:
            device_queries.seen(connection, agent_id, now_s)

    def clock_s(self) -> float | None:
        if self._engine.dialect.name == "sqlite":
            return None
        with self._transaction(write=False) as connection:
            moment = sa.select(sa.extract("epoch", sa.func.clock_timestamp()))
            return float(connection.execute(moment).scalar_one())

    def check(self) -> None:
        with self._transaction(write=True) as connection:
            # Writes what is there already: a full or read-only disk is found by writing alone.
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")

    def label(self, device: str, labels: Mapping[str, str | None], note: str | None) -> None:
        with self._transaction(write=True) as connection:
            device_queries.label(connection, device, labels, note)

    def end_quarantine(self, device: str) -> bool:
        with self._transaction(write=True) as connection:
            return device_queries.end_quarantine(connection, device)

    def devices_with_work(self) -> list[str]:
        with self._transaction(write=False) as connection:
            return device_queries.with_work(connection)

    def job_counts(self) -> dict[JobState, int]:
        with self._transaction(write=False) as connection:
            return job_queries.counts(connection)

    def devices(self, now_s: float) -> list[Device]:
        with self._transaction(write=False) as connection:
            return device_queries.find(connection, now_s)

    def device(self, name: str, now_s: float) -> Device:
        with self._transaction(write=False) as connection:
            return device_queries.get(connection, name, now_s)

    def device_statuses(self, now_s: float) -> list[DeviceStatus]:
        with self._transaction(write=False) as connection:
            return device_queries.statuses(connection, now_s)

    def enqueue(self, orders: Sequence[JobOrder]) -> list[int]:
        with self._transaction(write=True) as connection:
            return job_queries.enqueue(connection, orders)

    def lease(
        self, agent_id: str, devices: Sequence[str], count: int, now_s: float, lease_s: float
    ) -> list[LeasedJob]:
        with self._transaction(write=True, durable=False) as connection:
            return lease_queries.lease(connection, agent_id, devices, count, now_s, lease_s)

    def renew(
        self, agent_id: str, leases: Sequence[LeaseRef], now_s: float, lease_s: float
    ) -> list[LeaseRef]:
        with self._transaction(write=True, durable=False) as connection:
            return lease_queries.renew(connection, agent_id, leases, now_s, lease_s)

    def release(self, agent_id: str, leases: Sequence[LeaseRef]) -> None:
        with self._transaction(write=True, durable=False) as connection:
            lease_queries.release(connection, agent_id, leases)

    def expire(self, now_s: float) -> int:
        with self._transaction(write=True, durable=False) as connection:
            return lease_queries.expire(connection, now_s)

    def extend_all(self, now_s: float, lease_s: float) -> None:
        with self._transaction(write=True, durable=False) as connection:
            lease_queries.extend_all(connection, now_s, lease_s)

    def cancel(self, job_ids: Sequence[int]) -> int:
        with self._transaction(write=True) as connection:
            return job_queries.cancel(connection, job_ids)

    def jobs(self, job_ids: Sequence[int]) -> list[Job]:
        with self._transaction(write=False) as connection:
            return job_queries.get(connection, job_ids)

    def find_jobs(
        self, device: str, states: Sequence[JobState], limit: int
    ) -> tuple[list[Job], int]:
        with self._transaction(write=False) as connection:
            return job_queries.find(connection, device, states, limit)

    def record_all(self, deliveries: Sequence[Delivery], now_s: float) -> list[Recorded]:
        with self._transaction(write=True) as connection:
            return report_queries.record_all(connection, deliveries, now_s)

    def record(self, agent_id: str, report: Report, now_s: float) -> Acknowledgement:
        return self.record_all([Delivery(agent_id, report)], now_s)[0].acknowledgement

    def open_collection(self, order: CollectionOrder, now_s: float) -> None:
        with self._transaction(write=True) as connection:
            collection_queries.open_(connection, order, now_s)

    def collections(self) -> list[CollectionStatus]:
        with self._transaction(write=False) as connection:
            return collection_queries.statuses(connection)

    def collection(self, name: str) -> CollectionStatus:
        with self._transaction(write=False) as connection:
            return collection_queries.get(connection, name)

    def cancel_collection(self, name: str) -> int:
        with self._transaction(write=True) as connection:
            return collection_queries.cancel(connection, name)

    def retry_collection(self, name: str) -> int:
        with self._transaction(write=True) as connection:
            return collection_queries.retry(connection, name)

    def collection_devices(self, name: str) -> list[str]:
        with self._transaction(write=False) as connection:
            return collection_queries.devices_of(connection, name)

    def settled(self, device: str, collection: str) -> set[str]:
        with self._transaction(write=False) as connection:
            return collection_queries.settled(connection, device, collection)

    def measurements(
        self, device: str, architectures: Sequence[str] | None = None
    ) -> list[StoredMeasurement]:
        with self._transaction(write=False) as connection:
            return measurement_queries.measurements(connection, device, architectures)

    def add_rows(self, space: str, source: str, rows: Iterable[TableRow]) -> int:
        with self._transaction(write=True) as connection:
            return table_queries.add(connection, space, source, rows)

    def rows(self, space: str, devices: Sequence[str], origin: TableOrigin) -> list[TableRow]:
        with self._transaction(write=False) as connection:
            return table_queries.rows(connection, space, devices, origin)

    def set_accuracies(self, space: str, source: str, rows: Sequence[AccuracyRow]) -> None:
        with self._transaction(write=True) as connection:
            table_queries.set_accuracies(connection, space, source, rows)

    def accuracies(self, space: str) -> tuple[str, list[AccuracyRow]]:
        with self._transaction(write=False) as connection:
            return table_queries.accuracies(connection, space)

    def set_adaptation(self, adaptation: Adaptation) -> None:
        with self._transaction(write=True) as connection:
            table_queries.set_adaptation(connection, adaptation)

    def adaptation(self, device: str, space: str) -> Adaptation | None:
        with self._transaction(write=False) as connection:
            return table_queries.get_adaptation(connection, device, space)

    def check_name_free(self, model: StoredModel, *, replace: bool) -> None:
        with self._transaction(write=False) as connection:
            model_queries.check_free(connection, model, replace=replace)

    def offer_content(self, manifest: Manifest, quota_bytes: int, now_s: float) -> int:
        with self._transaction(write=True) as connection:
            return model_queries.offer(connection, manifest, quota_bytes, now_s)

    def put_chunk(self, sha256: str, chunk: Chunk, now_s: float) -> None:
        with self._transaction(write=True) as connection:
            model_queries.put_chunk(connection, sha256, chunk, now_s)

    def chunk(self, sha256: str, index: int) -> bytes:
        with self._transaction(write=False) as connection:
            return model_queries.get_chunk(connection, sha256, index)

    def complete_content(self, sha256: str) -> None:
        with self._transaction(write=True) as connection:
            model_queries.complete(connection, sha256)

    def forget_upload(self, sha256: str) -> None:
        with self._transaction(write=True) as connection:
            model_queries.forget(connection, sha256)

    def name_model(self, model: StoredModel, *, replace: bool) -> None:
        with self._transaction(write=True) as connection:
            model_queries.set_name(connection, model, replace=replace)

    def models(self) -> list[StoredModel]:
        with self._transaction(write=False) as connection:
            return model_queries.find(connection)

    def remove_model(self, name: str) -> None:
        with self._transaction(write=True) as connection:
            model_queries.remove(connection, name)

    def content(self, digest: str) -> Manifest:
        with self._transaction(write=False) as connection:
            return model_queries.manifest_of(connection, digest)
