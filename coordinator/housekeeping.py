"""What a coordinator does by itself: ends leases, finds others' jobs, watches its store."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from coordinator.clock import AnchoredClock
from coordinator.memory import give_back_memory
from coordinator.metrics import Metrics
from coordinator.security.records import AccessStore, AuditEntry
from coordinator.signals import Signals, jobs_of
from coordinator.store import Store
from help_core.errors import HelpError

log = logging.getLogger(__name__)

TICK_S = 2.0
COUNT_EVERY = 5
"""Ticks between counts of all jobs and devices, which take longer than the rest."""
TRIM_EVERY = 15
"""Ticks between returns of free memory; half a minute."""
PRUNE_EVERY = 1800
"""Ticks between looks for audit entries that are too old; about an hour."""
DAY_S = 86_400.0
DEFAULT_AUDIT_DAYS = 400

OnReady = Callable[[bool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AuditPruning:
    """Where audit entries are kept, and for how many days; 0 keeps them for ever."""

    store: AccessStore
    days: int = DEFAULT_AUDIT_DAYS

    def prune(self, now_unix_s: float) -> int:
        """Deletes entries that are too old, and says so in the log itself; how many."""
        if not self.days:
            return 0
        subject = f"entries older than {self.days} days"
        entry = AuditEntry(now_unix_s, "coordinator", "prune-audit", subject, "", "ok")
        return self.store.prune_entries(now_unix_s - self.days * DAY_S, entry)


class Housekeeping:
    """One per coordinator; ``run`` in a task of its own."""

    def __init__(
        self,
        store: Store,
        clock: AnchoredClock,
        signals: Signals,
        metrics: Metrics,
        lease_s: float,
        ready: threading.Event,
        on_ready: OnReady,
        audit: AuditPruning,
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._signals = signals
        self._metrics = metrics
        self._lease_s = lease_s
        self._ready = ready
        self._on_ready = on_ready

    async def run(self, every_s: float = TICK_S) -> NoReturn:
        """Works until cancelled; a store that fails is waited for."""
        ticks = 0
        while True:
            try:
                await asyncio.to_thread(self._tick, ticks % COUNT_EVERY == 0)
                if ticks % TRIM_EVERY == 0:
                    await asyncio.to_thread(give_back_memory)
                if ticks % PRUNE_EVERY == 0:
                    await asyncio.to_thread(self._audit.prune, self._clock.now_s())
                # Another coordinator may have queued jobs, which rings no bell here.
                for device in await asyncio.to_thread(self._store.devices_with_work):
                    self._signals.ring(jobs_of(device))
            except HelpError as error:
                await self._set_ready(is_ready=False, why=str(error))
            except Exception:
                log.exception("defect in housekeeping")
                await self._set_ready(is_ready=False, why="a defect, see above")
            else:
                await self._set_ready(is_ready=True, why="")
            ticks += 1
            await asyncio.sleep(every_s)

    def _tick(self, count: bool) -> None:
        shared_s = self._store.clock_s()
        if shared_s is not None and self._clock.follow(shared_s):
            log.warning("the store's clock jumped; every lease gets a full term")
            self._store.extend_all(self._clock.now_s(), self._lease_s)
        ended = self._store.expire(self._clock.now_s())
        if ended:
            self._metrics.expired.inc(ended)
            log.warning("%d lease(s) ended without a report", ended)
        if count:
            self._store.check()
            self._metrics.set_jobs(self._store.job_counts())
            self._count_devices()

    def _count_devices(self) -> None:
        devices = self._store.devices(self._clock.now_s())
        online = sum(device.online for device in devices)
        self._metrics.devices.labels("online").set(online)
        self._metrics.devices.labels("offline").set(len(devices) - online)

    async def _set_ready(self, *, is_ready: bool, why: str) -> None:
        if is_ready == self._ready.is_set():
            return
        if is_ready:
            self._ready.set()
            log.info("ready")
        else:
            self._ready.clear()
            log.error("not ready: %s", why)
        self._metrics.ready.set(is_ready)
        await self._on_ready(is_ready)
