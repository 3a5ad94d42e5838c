"""Collections: architectures measured on several devices, as objects that outlive their callers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field

from coordinator.clock import Clock
from coordinator.signals import Signals, jobs_of, reports_of
from coordinator.store import JobOrder, Store
from help_core.errors import BadInput, NotFound
from help_core.records import CollectionOrder, CollectionStatus, Progress, Purpose
from help_core.spaces import Architecture, parse_architecture
from help_core.spaces.own import stored

MAX_JOBS = 1_000_000
LOOK_AGAIN_S = 1.0
REST_TIMES = 10
"""Counting a large collection takes a while; so many times as long it rests between counts."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user asks to collect."""

    order: CollectionOrder
    devices: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """Also the devices that have all of these."""
    architectures: Sequence[str] = ()
    resume: bool = False
    """Queue again what failed or was cancelled."""


def make_name() -> str:
    """A name for a collection that was given none."""
    return f"collection-{uuid.uuid4().hex[:8]}"


class Collecting:
    """The use case ``collect``, and what is done to collections afterwards."""

    def __init__(self, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def collect(
        self, wanted: Wanted
    ) -> AsyncGenerator[tuple[Progress, CollectionStatus], None]:
        """Progress until the collection has no jobs left to make.

        Pairs that are measured already, or part of the collection, get no new job. Jobs stay
        queued if the caller goes away: the collection goes on without being watched.
        """
        devices = await asyncio.to_thread(self._enqueue, wanted)
        self._signals.ring(*(jobs_of(device) for device in devices))
        bells = [reports_of(device) for device in devices]
        with self._signals.listening(*bells) as bell:
            while True:
                begin = time.monotonic()
                status = await asyncio.to_thread(self._store.collection, wanted.order.name)
                rest_s = min(REST_TIMES * (time.monotonic() - begin), 30.0)
                done = status.total - status.open
                message = f"measuring, {status.failed} failed"
                yield Progress("collect", done, status.total, message), status
                if not status.open:
                    return
                await asyncio.sleep(rest_s)
                await bell.wait(LOOK_AGAIN_S)

    def _enqueue(self, wanted: Wanted) -> list[str]:
        """Opens the collection and queues what it lacks; returns its devices."""
        name = wanted.order.name
        if wanted.resume:
            self._store.collection(name)
        parsed = [parse_architecture(one) for one in dict.fromkeys(wanted.architectures)]
        devices = self._devices(wanted)
        self._check_models(parsed)
        architectures = [str(one) for one in parsed]
        if not wanted.resume and not (devices and architectures):
            raise BadInput("a collection needs at least one device and one architecture")
        if len(devices) * len(architectures) > MAX_JOBS:
            raise BadInput(f"a collection holds at most {MAX_JOBS} jobs; split it")
        self._store.open_collection(wanted.order, self._clock.now_s())
        if wanted.resume:
            self._store.retry_collection(name)
        for device in devices:
            settled = self._store.settled(device, name)
            self._store.enqueue(
                [
                    JobOrder(device, one, Purpose.COLLECT, wanted.order.priority, name)
                    for one in architectures
                    if one not in settled
                ]
            )
        return sorted({*devices, *self._store.collection_devices(name)})

    def _devices(self, wanted: Wanted) -> list[str]:
        """Those that are named, and those that have all the labels; raises ``NotFound``."""
        now_s = self._clock.now_s()
        found = dict.fromkeys(self._store.device(name, now_s).name for name in wanted.devices)
        if wanted.labels:
            labelled = [
                status.device.name
                for status in self._store.device_statuses(now_s)
                if wanted.labels.items() <= status.labels.items()
            ]
            if not labelled:
                text = ", ".join(f"{key}={value}" for key, value in wanted.labels.items())
                raise NotFound(f"no device has the labels {text}; see 'help-coord devices'")
            found |= dict.fromkeys(labelled)
        return list(found)

    async def cancel(self, collection: str, job_ids: Sequence[int]) -> int:
        """Cancels queued jobs of a collection, which ends, or by their ids; how many."""
        if not collection and not job_ids:
            raise BadInput("name a collection or jobs to cancel")
        count = 0
        if collection:
            count = await asyncio.to_thread(self._store.cancel_collection, collection)
            devices = await asyncio.to_thread(self._store.collection_devices, collection)
        else:
            found = await asyncio.to_thread(self._store.jobs, job_ids)
            missing = set(job_ids) - {job.id for job in found}
            if missing:
                raise NotFound(f"there is no job {min(missing)}; see 'help-coord jobs'")
            count = await asyncio.to_thread(self._store.cancel, job_ids)
            devices = sorted({job.device for job in found})
        self._signals.ring(*(reports_of(device) for device in devices))
        return count

    def _check_models(self, wanted: Sequence[Architecture]) -> None:
        """Raises ``NotFound`` for a user's model that is not kept here."""
        own = [architecture for architecture in wanted if architecture.space == stored.NAME]
        if not own:
            return
        known = {model.architecture for model in self._store.models()}
        for architecture in own:
            if str(architecture) not in known:
                raise NotFound(
                    f"the coordinator keeps no model {architecture}; it keeps:"
                    f" {', '.join(sorted(known)[:20]) or 'none yet'}"
                )
