"""Records what many agents deliver in few transactions, without holding much of it.

While one transaction is committed the next batch gathers, so a lone report waits for nothing
and a thousand agents share the cost of a commit. What waits is bounded: beyond that, calls
wait before they hand anything over, which stops their streams from being read.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from coordinator.clock import Clock
from coordinator.metrics import Metrics
from coordinator.signals import Signals, jobs_of, reports_of
from coordinator.store import Acknowledgement, Delivery, Recorded, Store
from help_core.errors import HelpError, StoreError
from help_core.records import Failure

MAX_BATCH = 2000
MAX_WAITING = 20_000
"""Reports in memory; with 30 samples each they take about 100 MB."""


@dataclass(slots=True)
class _Waiting:
    deliveries: Sequence[Delivery]
    result: asyncio.Future[list[Recorded]]


class Recorder:
    """Used from the event loop's thread; ``run`` must be running."""

    def __init__(self, store: Store, clock: Clock, signals: Signals, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._metrics = metrics
        self._queue: deque[_Waiting] = deque()
        self._count = 0
        self._changed = asyncio.Condition()
        # A thread of its own: in the shared ones a commit would wait behind every lease.
        self._thread = ThreadPoolExecutor(1, "recorder")

    async def record(self, deliveries: Sequence[Delivery]) -> list[Recorded]:
        """What became of each, once it is committed; raises ``StoreError``."""
        async with self._changed:
            # Whoever comes when nothing waits is let in, however much it brings.
            await self._changed.wait_for(
                lambda: self._count == 0 or self._count + len(deliveries) <= MAX_WAITING
            )
            waiting = _Waiting(deliveries, asyncio.get_running_loop().create_future())
            self._queue.append(waiting)
            self._count += len(deliveries)
            self._changed.notify_all()
        return await waiting.result

    async def run(self) -> None:
        """Records until cancelled."""
        with self._thread:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: bool(self._queue))
                    batch = self._take()
                await self._commit(batch)
                async with self._changed:
                    self._count -= sum(len(one.deliveries) for one in batch)
                    self._changed.notify_all()

    def _take(self) -> list[_Waiting]:
        batch = [self._queue.popleft()]
        count = len(batch[0].deliveries)
        while self._queue and count + len(self._queue[0].deliveries) <= MAX_BATCH:
            batch.append(self._queue.popleft())
            count += len(batch[-1].deliveries)
        return batch

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        deliveries = [delivery for one in batch for delivery in one.deliveries]
        try:
            with self._metrics.record_seconds.time():
                recorded = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._store.record_all, deliveries, self._clock.now_s()
                )
        except Exception as error:
            self._metrics.store_errors.inc()
            reason = error if isinstance(error, HelpError) else StoreError(f"not stored: {error}")
            for one in batch:
                if not one.result.done():
                    one.result.set_exception(reason)
            return
        self._tell(deliveries, recorded)
        begin = 0
        for one in batch:
            end = begin + len(one.deliveries)
            # A call that was given up meanwhile is delivered again: its reports are duplicates.
            if not one.result.done():
                one.result.set_result(recorded[begin:end])
            begin = end

    def _tell(self, deliveries: Sequence[Delivery], recorded: Sequence[Recorded]) -> None:
        """Wakes those who wait for the reports, and agents of jobs that are queued again."""
        bells: set[str] = set()
        for delivery, result in zip(deliveries, recorded, strict=True):
            if result.acknowledgement is Acknowledgement.STORED:
                bells.add(reports_of(result.device))
                if isinstance(delivery.report.outcome, Failure):
                    bells.add(jobs_of(result.device))
        for kind, count in Counter(one.acknowledgement for one in recorded).items():
            self._metrics.reports.labels(kind.value).inc(count)
        self._signals.ring(*bells)
