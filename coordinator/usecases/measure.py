"""Has architectures measured on a device and waits for what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from coordinator.clock import Clock
from coordinator.signals import Signals, jobs_of, reports_of
from coordinator.store import Adaptation, JobOrder, Store, StoredMeasurement
from help_core.errors import NotFound, StoreError
from help_core.records import Job, JobState, Progress, Purpose, Verdict
from help_core.spaces import get_gene_space

FINAL = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
LOOK_AGAIN_S = 1.0
PRIORITY = {Purpose.COLLECT: 0, Purpose.SUPPORT: 10, Purpose.WINNER: 20}
"""Somebody waits for an answer; a collection can wait."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known after waiting: a measurement or a reason for each architecture."""

    measurements: dict[str, StoredMeasurement]
    failures: dict[str, str]


class Measuring:
    """Queues jobs and waits for them."""

    def __init__(self, store: Store, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals

    async def measure(
        self, device: str, architectures: Sequence[str], purpose: Purpose, *, fresh: bool
    ) -> AsyncGenerator[Progress | Measured]:
        """Progress, then ``Measured``.

        What the store holds already is not measured again unless ``fresh``. When the caller
        goes away, jobs that nobody has begun are cancelled. Raises ``StoreError`` where
        nothing can be written any more.
        """
        known = {} if fresh else await self._known(device, architectures)
        missing = [name for name in dict.fromkeys(architectures) if name not in known]
        orders = [JobOrder(device, name, purpose, PRIORITY[purpose]) for name in missing]
        ids = await asyncio.to_thread(self._store.enqueue, orders) if orders else []
        self._signals.ring(jobs_of(device))
        jobs: list[Job] = []
        try:
            with self._signals.listening(reports_of(device)) as bell:
                while True:
                    jobs = await asyncio.to_thread(self._store.jobs, ids)
                    open_jobs = [job for job in jobs if job.state not in FINAL]
                    done = len(architectures) - len(open_jobs)
                    yield await self._progress(device, purpose, done, len(architectures), open_jobs)
                    if not open_jobs:
                        break
                    if (trouble := self._store.trouble()) is not None:
                        # Reports cannot be kept, so waiting would never end.
                        raise trouble
                    await bell.wait(LOOK_AGAIN_S)
        finally:
            with suppress(StoreError):
                await asyncio.shield(asyncio.to_thread(self._store.cancel, ids))
        failures = {job.architecture: job.error or job.state for job in jobs if job.state != "done"}
        yield Measured(known | await self._known(device, missing), failures)

    async def _known(
        self, device: str, architectures: Sequence[str]
    ) -> dict[str, StoredMeasurement]:
        found = await asyncio.to_thread(self._store.measurements, device, list(architectures))
        return best_of_each(found)

    async def _progress(
        self, device: str, purpose: Purpose, done: int, total: int, open_jobs: Sequence[Job]
    ) -> Progress:
        what = "reference architectures" if purpose is Purpose.SUPPORT else "architectures"
        if purpose is Purpose.WINNER:
            what = "candidates"
        message = f"measuring {what} on {device}"
        if open_jobs:
            status = await asyncio.to_thread(self._store.device, device, self._clock.now_s())
            if status.away:
                message = f"waiting for the board of {device}, which its agent does not reach"
            elif not status.online:
                message = f"waiting for the agent of {device}, which is offline"
        return Progress(purpose.value, done, total, message)


def best_of_each(found: Sequence[StoredMeasurement]) -> dict[str, StoredMeasurement]:
    """The newest valid measurement of each architecture, or else the newest suspect one.

    ``found`` is oldest first.
    """
    best: dict[str, StoredMeasurement] = {}
    for stored in found:
        held = best.get(stored.architecture)
        valid = stored.measurement.verdict is Verdict.VALID
        if held is None or valid or held.measurement.verdict is not Verdict.VALID:
            best[stored.architecture] = stored
    return best


def last_adaptation(
    store: Store, device: str, space: str, now_s: float
) -> tuple[Adaptation, dict[str, StoredMeasurement]]:
    """The last adaptation of a device with its measurements, in their order.

    Raises ``NotFound`` where there is none.
    """
    get_gene_space(space)
    store.device(device, now_s)
    adaptation = store.adaptation(device, space)
    if adaptation is None:
        raise NotFound(
            f"{device} is not adapted in {space} yet;"
            f" run 'help-coord adapt --device {device} --space {space}' first"
        )
    best = best_of_each(store.measurements(device, adaptation.support))
    return adaptation, {name: best[name] for name in adaptation.support if name in best}
