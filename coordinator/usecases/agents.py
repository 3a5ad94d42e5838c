"""Register, lease, renew, release, record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from coordinator.clock import Clock
from coordinator.metrics import Metrics
from coordinator.policy import ONLINE_WITHIN_S
from coordinator.recorder import Recorder
from coordinator.signals import Signals, jobs_of
from coordinator.store import Acknowledgement, Delivery, Store
from coordinator.usecases.access import check_agent_id
from help_core import __version__
from help_core.errors import BadInput, Incompatible
from help_core.records import Device, LeasedJob, LeaseRef, Report

log = logging.getLogger(__name__)

LEASE_S = 60.0
HEARTBEATS_PER_LEASE = 3
"""So that an agent may miss two of them."""
MAX_WAIT_S = 30.0
MAX_JOBS_PER_LEASE = 100
STOPPING = "stopping"


class Agents:
    """The use cases of agents."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        signals: Signals,
        recorder: Recorder,
        metrics: Metrics,
        lease_s: float = LEASE_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._recorder = recorder
        self._metrics = metrics
        self.lease_s = lease_s
        # With leases of an hour an agent still has to say in time that it is there.
        self.heartbeat_s = min(lease_s, ONLINE_WITHIN_S) / HEARTBEATS_PER_LEASE
        self.stopping = asyncio.Event()
        """Set when the coordinator drains: whoever waits goes home."""

    def stop(self) -> None:
        """Ends waiting for jobs, and has delivering streams end after their current batch."""
        self.stopping.set()
        self._signals.ring(STOPPING)

    async def register(self, agent_id: str, version: str, devices: Sequence[Device]) -> None:
        """See ``Store.register``; also raises ``Incompatible``."""
        check_agent_id(agent_id)
        if not devices:
            raise BadInput("an agent must offer at least one device")
        _check_version(version)
        await asyncio.to_thread(
            self._store.register, agent_id, version, devices, self._clock.now_s()
        )
        self._metrics.registrations.inc()
        log.info("agent %s serves %s", agent_id[:8], ", ".join(device.name for device in devices))

    async def lease(
        self, agent_id: str, devices: Sequence[str], max_jobs: int, wait_s: float
    ) -> list[LeasedJob]:
        """Jobs of the agent's devices, waiting for the first one."""
        end = self._clock.now_s() + min(max(wait_s, 0.0), MAX_WAIT_S)
        count = min(max(max_jobs, 1), MAX_JOBS_PER_LEASE)
        bells = [jobs_of(device) for device in set(devices)]
        with self._signals.listening(STOPPING, *bells) as bell:
            while not self.stopping.is_set():
                with self._metrics.lease_seconds.time():
                    found = await asyncio.to_thread(
                        self._store.lease,
                        agent_id,
                        devices,
                        count,
                        self._clock.now_s(),
                        self.lease_s,
                    )
                left_s = end - self._clock.now_s()
                if found or left_s <= 0:
                    self._metrics.leased.inc(len(found))
                    return found
                await bell.wait(left_s)
        return []

    async def heartbeat(self, agent_id: str, leases: Sequence[LeaseRef]) -> list[LeaseRef]:
        """Prolongs leases; returns those that are lost."""
        return await asyncio.to_thread(
            self._store.renew, agent_id, leases, self._clock.now_s(), self.lease_s
        )

    async def release(self, agent_id: str, leases: Sequence[LeaseRef]) -> None:
        """Queues the jobs again."""
        await asyncio.to_thread(self._store.release, agent_id, leases)
        jobs = await asyncio.to_thread(self._store.jobs, [ref.job_id for ref in leases])
        self._signals.ring(*{jobs_of(job.device) for job in jobs})

    async def record(self, agent_id: str, reports: Sequence[Report]) -> list[Acknowledgement]:
        """Stores reports; returns once they are committed."""
        recorded = await self._recorder.record([Delivery(agent_id, one) for one in reports])
        return [one.acknowledgement for one in recorded]


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
