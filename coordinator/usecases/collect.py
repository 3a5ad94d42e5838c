"""Measures architectures on several devices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from coordinator.clock import Clock
from coordinator.signals import Signals, jobs_of, reports_of
from coordinator.store import JobOrder, Store
from coordinator.usecases.measure import FINAL
from help_core.errors import BadInput, NotFound
from help_core.records import JobState, Progress, Purpose, check_name
from help_core.spaces import Architecture, parse_architecture
from help_core.spaces.own import stored

MAX_JOBS = 1_000_000
LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Collected:
    """How a collection ended."""

    done: int
    failed: int


class Collecting:
    """The use case ``collect``."""

    def __init__(self, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def collect(
        self, devices: Sequence[str], architectures: Sequence[str], collection: str
    ) -> AsyncGenerator[Progress | Collected]:
        """Progress, then how it ended. Pairs that are measured already are left alone.

        Jobs stay queued if the caller goes away: the collection goes on without being watched.
        """
        if collection:
            check_name("collection", collection)
        if len(devices) * len(architectures) > MAX_JOBS:
            raise BadInput(f"a collection holds at most {MAX_JOBS} jobs; split it")
        orders = await asyncio.to_thread(self._orders, devices, architectures, collection)
        ids = await asyncio.to_thread(self._store.enqueue, orders)
        self._signals.ring(*(jobs_of(device) for device in devices))
        with self._signals.listening(*(reports_of(device) for device in set(devices))) as bell:
            while True:
                jobs = await asyncio.to_thread(self._store.jobs, ids)
                done = sum(job.state in FINAL for job in jobs)
                failed = sum(job.state is JobState.FAILED for job in jobs)
                yield Progress("collect", done, len(ids), f"measuring, {failed} failed")
                if done == len(ids):
                    yield Collected(done - failed, failed)
                    return
                await bell.wait(LOOK_AGAIN_S)

    def _orders(
        self, devices: Sequence[str], architectures: Sequence[str], collection: str
    ) -> list[JobOrder]:
        now_s = self._clock.now_s()
        wanted = [parse_architecture(name) for name in dict.fromkeys(architectures)]
        self._check_models(wanted)
        names = [str(architecture) for architecture in wanted]
        if not devices or not names:
            raise BadInput("a collection needs at least one device and one architecture")
        orders: list[JobOrder] = []
        for device in dict.fromkeys(devices):
            self._store.device(device, now_s)
            known = {stored.architecture for stored in self._store.measurements(device, names)}
            orders += [
                JobOrder(device, name, Purpose.COLLECT, collection=collection)
                for name in names
                if name not in known
            ]
        return orders

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
