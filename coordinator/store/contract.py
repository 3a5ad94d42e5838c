"""The storage contract, in prose and types. One suite holds every store to it.

Every method is one transaction and may be called from any thread. What a method has
returned from survives the death of the process. Errors of the database leave as
``StoreError`` with one clear line.

Moments named ``now_s`` come from the coordinator's own clock, which never goes backwards and
which the wall clock cannot move; moments named ``…_unix_s`` are wall time and only recorded.

A job is queued, then leased to one agent at a time, then done, failed or cancelled. Each
lease of a job gets a token one higher than the last. A report counts only if its token is
that of the current lease; a report for an earlier lease is kept and marked stale. A report
whose key is stored already changes nothing.

A user's model is a name and content. Content is known by its SHA-256 and kept in chunks: it is
offered, its chunks are put in any order (one that is there already is left as it is), and once
they are verified it is completed. Content that no name has is dropped.
Several coordinators may use one store; each job is leased by one of them. The failures of a
board in a row put its device into quarantine (``coordinator.policy``), which a success ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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
    Measurement,
    Purpose,
    Report,
    StoredModel,
    TableOrigin,
    TableRow,
)
from help_core.spaces.own.transfer import Chunk, Manifest


class Acknowledgement(StrEnum):
    """What became of a delivered report; ``REFUSED`` is final too."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    STALE = "stale"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class JobOrder:
    """A job to be queued. Higher priorities are leased first, then older jobs."""

    device: str
    architecture: str
    purpose: Purpose
    priority: int = 0
    collection: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report and the agent that delivered it."""

    agent_id: str
    report: Report


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a delivery, and the device of its job, empty if there is no such job."""

    acknowledgement: Acknowledgement
    device: str


@dataclass(frozen=True, slots=True)
class StoredMeasurement:
    """A measurement with what it was made for."""

    key: str
    device: str
    architecture: str
    measured_unix_s: float
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Adaptation:
    """The last adaptation of a predictor to a device in a space: what ``predict`` rests on."""

    device: str
    space: str
    predictor: str
    seed: int
    support: tuple[str, ...]
    """Architectures of the support set, in their order."""


class Store(Protocol):
    """See the module's text."""

    def register(
        self, agent_id: str, agent_version: str, devices: Sequence[Device], now_s: float
    ) -> None:
        """Makes the agent the one that serves these devices, and keeps whether they are away.

        Raises ``Conflict`` if another agent that is online serves one of them, or if a
        device was registered before with other settings.
        """

    def clock_s(self) -> float | None:
        """Seconds since 1970 by a clock that all coordinators of the store share.

        ``None`` if the store is a file, whose coordinators share their machine's clock.
        """

    def check(self) -> None:
        """Raises ``StoreError`` unless the store can be written to."""

    def seen(self, agent_id: str, now_s: float) -> None:
        """Notes that the agent was heard of."""

    def label(self, device: str, labels: Mapping[str, str | None], note: str | None) -> None:
        """Sets labels, removes those that are ``None``, and sets the note unless ``None``.

        Raises ``NotFound``.
        """

    def end_quarantine(self, device: str) -> bool:
        """Gives the device work again; whether it was in quarantine. Raises ``NotFound``."""

    def devices_with_work(self) -> list[str]:
        """Names of devices that have queued jobs."""

    def job_counts(self) -> dict[JobState, int]:
        """How many jobs are in each state."""

    def devices(self, now_s: float) -> list[Device]:
        """All devices by name."""

    def device(self, name: str, now_s: float) -> Device:
        """One device; raises ``NotFound`` with the names that exist."""

    def device_statuses(self, now_s: float) -> list[DeviceStatus]:
        """All devices with what the store holds of them."""

    def enqueue(self, orders: Sequence[JobOrder]) -> list[int]:
        """Queues jobs and returns their ids; raises ``NotFound`` for an unknown device."""

    def lease(
        self, agent_id: str, devices: Sequence[str], count: int, now_s: float, lease_s: float
    ) -> list[LeasedJob]:
        """At most ``count`` queued jobs of those devices that the agent serves.

        Their order is that of ``coordinator.scheduling``. Also notes that the agent was heard
        of. Raises ``NotFound`` for an agent that never registered here.
        """

    def renew(
        self, agent_id: str, leases: Sequence[LeaseRef], now_s: float, lease_s: float
    ) -> list[LeaseRef]:
        """Prolongs leases; returns those that the agent no longer holds.

        Also notes that the agent was heard of.
        """

    def release(self, agent_id: str, leases: Sequence[LeaseRef]) -> None:
        """Queues leased jobs again without counting the attempt; unknown leases are ignored."""

    def expire(self, now_s: float) -> int:
        """Queues again (or fails, after the last attempt) jobs whose lease has ended.

        Also ends collections whose deadline has passed. Returns how many leases had ended.
        """

    def extend_all(self, now_s: float, lease_s: float) -> None:
        """Gives every current lease a full term: called when a coordinator starts."""

    def cancel(self, job_ids: Sequence[int]) -> int:
        """Cancels those of the jobs that are still queued; returns how many."""

    def jobs(self, job_ids: Sequence[int]) -> list[Job]:
        """Those jobs that exist, in the order of their ids."""

    def find_jobs(
        self, device: str, states: Sequence[JobState], limit: int
    ) -> tuple[list[Job], int]:
        """The newest matching jobs and how many match; empty arguments match all."""

    def record_all(self, deliveries: Sequence[Delivery], now_s: float) -> list[Recorded]:
        """Stores reports and moves their jobs on, each as if they came one by one.

        All are committed together, or none is and ``StoreError`` is raised.
        """

    def record(self, agent_id: str, report: Report, now_s: float) -> Acknowledgement:
        """``record_all`` of one report."""

    def open_collection(self, order: CollectionOrder, now_s: float) -> None:
        """Makes the collection, or gives the one of that name the order's priority and deadline.

        A collection that had ended is open again; its cancelled jobs stay cancelled.
        """

    def collections(self) -> list[CollectionStatus]:
        """All collections, the newest first."""

    def collection(self, name: str) -> CollectionStatus:
        """One collection; raises ``NotFound``."""

    def cancel_collection(self, name: str) -> int:
        """Ends a collection: cancels its queued jobs and returns how many."""

    def retry_collection(self, name: str) -> int:
        """Queues the failed and cancelled jobs of a collection again; returns how many."""

    def collection_devices(self, name: str) -> list[str]:
        """Devices that a collection has jobs of."""

    def settled(self, device: str, collection: str) -> set[str]:
        """Architectures that need no new job: measured on the device, or in the collection."""

    def measurements(
        self, device: str, architectures: Sequence[str] | None = None
    ) -> list[StoredMeasurement]:
        """Measurements of a device that are neither stale nor invalid, oldest first."""

    def add_rows(self, space: str, source: str, rows: Iterable[TableRow]) -> int:
        """Adds or replaces latencies of an imported table; returns how many."""

    def rows(self, space: str, devices: Sequence[str], origin: TableOrigin) -> list[TableRow]:
        """Latencies of a space; of a device's own measurements the newest valid median."""

    def set_accuracies(self, space: str, source: str, rows: Sequence[AccuracyRow]) -> None:
        """Replaces the user's accuracies of a space; no rows: there are none any more."""

    def accuracies(self, space: str) -> tuple[str, list[AccuracyRow]]:
        """The source and the rows of the user's accuracies of a space."""

    def set_adaptation(self, adaptation: Adaptation) -> None:
        """Remembers the adaptation in place of the last one of that device and space."""

    def adaptation(self, device: str, space: str) -> Adaptation | None:
        """The last adaptation of the device in the space."""

    def check_name_free(self, model: StoredModel, *, replace: bool) -> None:
        """Raises ``Conflict`` if the name has other content and may not be ``replace``d."""

    def offer_content(self, manifest: Manifest, quota_bytes: int, now_s: float) -> int:
        """Makes room for content; returns its first chunk that is missing, or their count.

        Raises ``Conflict`` if all content together would exceed ``quota_bytes``. Uploads that
        nobody went on with for a day are forgotten.
        """

    def put_chunk(self, sha256: str, chunk: Chunk, now_s: float) -> None:
        """Keeps a chunk of content that was offered; raises ``BadInput`` or ``NotFound``."""

    def chunk(self, sha256: str, index: int) -> bytes:
        """A chunk; raises ``NotFound``."""

    def complete_content(self, sha256: str) -> None:
        """Marks content as verified; raises ``Conflict`` if chunks are missing."""

    def forget_upload(self, sha256: str) -> None:
        """Drops the chunks of content that is not complete."""

    def name_model(self, model: StoredModel, *, replace: bool) -> None:
        """Gives complete content a name; raises ``Conflict`` as ``check_name_free`` does."""

    def models(self) -> list[StoredModel]:
        """All models by name."""

    def remove_model(self, name: str) -> None:
        """Forgets a name; raises ``NotFound`` with the names that exist."""

    def content(self, digest: str) -> Manifest:
        """The complete content whose hash begins so; raises ``NotFound``."""

    def trouble(self) -> StoreError | None:
        """Why the last write failed (a full disk …), or ``None`` if it went well."""

    def close(self) -> None:
        """Frees the connections."""
