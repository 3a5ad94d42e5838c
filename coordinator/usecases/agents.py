"""Register, lease, renew, release, record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from coordinator.clock import Clock
from coordinator.signals import Signals, jobs_of, reports_of
from coordinator.store import Acknowledgement, Store
from coordinator.usecases.access import check_agent_id
from help_core import __version__
from help_core.errors import BadInput, Incompatible
from help_core.records import Device, LeasedJob, LeaseRef, Report

log = logging.getLogger(__name__)

LEASE_S = 60.0
HEARTBEAT_S = LEASE_S / 3
MAX_WAIT_S = 30.0
MAX_JOBS_PER_LEASE = 100
LOOK_AGAIN_S = 5.0
"""How often a waiting agent looks at the store: another coordinator may have queued jobs."""


class Agents:
    """The use cases of agents."""

    def __init__(self, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def register(self, agent_id: str, version: str, devices: Sequence[Device]) -> None:
        """See ``Store.register``; also raises ``Incompatible``."""
        check_agent_id(agent_id)
        if not devices:
            raise BadInput("an agent must offer at least one device")
        _check_version(version)
        await asyncio.to_thread(
            self._store.register, agent_id, version, devices, self._clock.now_s()
        )
        log.info("agent %s serves %s", agent_id[:8], ", ".join(device.name for device in devices))

    async def lease(
        self, agent_id: str, devices: Sequence[str], max_jobs: int, wait_s: float
    ) -> list[LeasedJob]:
        """Jobs of the agent's devices, waiting for the first one."""
        now = self._clock.now_s()
        end = now + min(max(wait_s, 0.0), MAX_WAIT_S)
        await asyncio.to_thread(self._store.seen, agent_id, now)
        count = min(max(max_jobs, 1), MAX_JOBS_PER_LEASE)
        with self._signals.listening(*(jobs_of(device) for device in set(devices))) as bell:
            while True:
                found = await asyncio.to_thread(
                    self._store.lease, agent_id, devices, count, self._clock.now_s(), LEASE_S
                )
                left_s = end - self._clock.now_s()
                if found or left_s <= 0:
                    return found
                await bell.wait(min(left_s, LOOK_AGAIN_S))

    async def heartbeat(self, agent_id: str, leases: Sequence[LeaseRef]) -> list[LeaseRef]:
        """Prolongs leases; returns those that are lost."""
        now = self._clock.now_s()
        await asyncio.to_thread(self._store.seen, agent_id, now)
        if not leases:
            return []
        return await asyncio.to_thread(self._store.renew, agent_id, leases, now, LEASE_S)

    async def release(self, agent_id: str, leases: Sequence[LeaseRef]) -> None:
        """Queues the jobs again."""
        await asyncio.to_thread(self._store.release, agent_id, leases)
        jobs = await asyncio.to_thread(self._store.jobs, [ref.job_id for ref in leases])
        self._signals.ring(*{jobs_of(job.device) for job in jobs})

    async def record(self, agent_id: str, report: Report) -> Acknowledgement:
        """Stores a report; returns once it is committed."""
        acknowledgement = await asyncio.to_thread(self._store.record, agent_id, report)
        jobs = await asyncio.to_thread(self._store.jobs, [report.job_id])
        for job in jobs:
            # A failed attempt may have queued the job again.
            self._signals.ring(reports_of(job.device), jobs_of(job.device))
        return acknowledgement

    async def expire_forever(self, every_s: float) -> None:
        """Takes back leases that have ended, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            count = await asyncio.to_thread(self._store.expire, self._clock.now_s())
            if count:
                log.warning("%d lease(s) ended without a report", count)


def _check_version(version: str) -> None:
    """Agents one minor version older or newer work; others are told so."""
    try:
        major, minor = (int(part) for part in version.split(".")[:2])
    except ValueError:
        raise BadInput(f"agent version {version[:40]!r} is not MAJOR.MINOR.PATCH") from None
    own_major, own_minor = (int(part) for part in __version__.split(".")[:2])
    if major != own_major or abs(minor - own_minor) > 1:
        raise Incompatible(
            f"agent {version} and coordinator {__version__} are more than one minor version"
            " apart; upgrade the older one"
        )
