"""Requests to adapt that are remembered, outlive their callers and survive a restart."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace

from coordinator.clock import Clock
from coordinator.signals import Signals
from coordinator.store import SqlStore
from coordinator.usecases.adapt import Adapting
from help_core.errors import Cancelled, HelpError, RateLimited
from help_core.predictors.registry import DEFAULT
from help_core.records import AdaptOrder, AdaptRun, Answer, Progress, RunState
from help_core.spaces import get_gene_space

log = logging.getLogger(__name__)

TICK_S = 2.0
SILENT_S = 15.0
"""A coordinator that said nothing of its runs for so long has lost them."""
MAX_DETACHED = 32
ALL_RUNS = "runs"
"""The bell that rings when any run begins, moves on or ends."""


def run_bell(run_id: str) -> str:
    """The name that rings when a run moves on."""
    return f"run:{run_id}"


class AdaptRuns:
    """Used from the event loop's thread alone."""

    def __init__(self, store: SqlStore, clock: Clock, signals: Signals, adapting: Adapting) -> None:
        self._store = store
        self._runs = store.runs
        self._clock = clock
        self._signals = signals
        self._adapting = adapting
        self._owner = secrets.token_hex(8)
        self._live: dict[str, Progress] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def follow(self, order: AdaptOrder, by: str) -> AsyncGenerator[Progress | Answer]:
        """Adapts for a caller that waits, and ends with it; raises what adapting raises."""
        run = await self._open(order, by, detached=False)
        async with aclosing(self._work(run)) as events:
            async for event in events:
                yield event

    async def start(self, order: AdaptOrder, by: str) -> AdaptRun:
        """Begins to adapt and returns at once; raises ``NotFound``, ``BadInput``, ``RateLimited``.

        It goes on whoever looks, and after a restart: what was measured is not measured again.
        """
        if len(self._tasks) >= MAX_DETACHED:
            raise RateLimited(
                f"{len(self._tasks)} requests to adapt are running; wait for one, or cancel it"
            )
        get_gene_space(order.space)
        for device in order.devices:
            await asyncio.to_thread(self._store.device, device, self._clock.now_s())
        run = await self._open(order, by, detached=True)
        self._begin(run)
        return run

    async def cancel(self, run_id: str) -> bool:
        """Ends a run, whichever coordinator works on it; whether it was running."""
        await asyncio.to_thread(self._runs.get, run_id)
        was = await self._end(run_id, RunState.CANCELLED, "cancelled by a person")
        task = self._tasks.get(run_id)
        if task is not None:
            task.cancel()
        return was

    async def run(self) -> None:
        """Says that runs are alive and takes up those that nobody works on, until cancelled."""
        try:
            while True:
                try:
                    await self._tick()
                except HelpError as error:
                    log.warning("requests to adapt wait for the store: %s", error)
                await asyncio.sleep(TICK_S)
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(HelpError):
                await asyncio.shield(asyncio.to_thread(self._runs.release, self._owner))

    async def _tick(self) -> None:
        now_s = self._clock.now_s()
        for run_id, progress in list(self._live.items()):
            alive = await asyncio.to_thread(self._runs.note, run_id, self._owner, progress, now_s)
            task = self._tasks.get(run_id)
            if not alive and task is not None:
                # Cancelled on another coordinator.
                task.cancel()
        claimed = await asyncio.to_thread(self._runs.claim, self._owner, now_s - SILENT_S, now_s)
        for run in claimed:
            log.info("going on with the request to adapt to %s", run.order.device)
            self._begin(run)

    async def _open(self, order: AdaptOrder, by: str, *, detached: bool) -> AdaptRun:
        run = AdaptRun(
            id=secrets.token_hex(8),
            order=replace(order, predictor=order.predictor or DEFAULT),
            by=by,
            detached=detached,
            state=RunState.RUNNING,
            started_unix_s=self._clock.now_s(),
            ended_unix_s=None,
            progress=Progress("begin", 0, 1, "beginning"),
            error="",
        )
        await asyncio.to_thread(self._runs.open, run, self._owner)
        self._signals.ring(ALL_RUNS)
        return run

    def _begin(self, run: AdaptRun) -> None:
        task = asyncio.create_task(self._exhaust(run))
        self._tasks[run.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run.id, None))

    async def _exhaust(self, run: AdaptRun) -> None:
        with suppress(HelpError):
            async with aclosing(self._work(run)) as events:
                async for _ in events:
                    pass

    async def _work(self, run: AdaptRun) -> AsyncGenerator[Progress | Answer]:
        """Adapts, and keeps how far it is and how it ended."""
        self._live[run.id] = run.progress
        try:
            async with aclosing(self._adapting.adapt(run.order)) as events:
                async for event in events:
                    if isinstance(event, Answer):
                        await self._end(run.id, RunState.DONE, "", event)
                    elif not await self._note(run.id, event):
                        raise Cancelled("the request to adapt was cancelled")
                    yield event
        except Cancelled:
            raise
        except HelpError as error:
            await self._end(run.id, RunState.FAILED, str(error))
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if not run.detached:
                await asyncio.shield(
                    self._end(run.id, RunState.CANCELLED, "whoever waited for it went away")
                )
            raise
        except Exception as error:
            log.exception("defect while adapting to %s", run.order.device)
            await self._end(run.id, RunState.FAILED, f"internal error: {type(error).__name__}")
            raise
        finally:
            self._live.pop(run.id, None)

    async def _note(self, run_id: str, progress: Progress) -> bool:
        """Keeps progress that is new; whether the run goes on."""
        before = self._live[run_id]
        self._live[run_id] = progress
        if progress == before:
            return True
        now_s = self._clock.now_s()
        alive = await asyncio.to_thread(self._runs.note, run_id, self._owner, progress, now_s)
        self._signals.ring(run_bell(run_id))
        return alive

    async def _end(
        self, run_id: str, state: RunState, error: str, answer: Answer | None = None
    ) -> bool:
        now_s = self._clock.now_s()
        ended = await asyncio.to_thread(self._runs.end, run_id, state, error, answer, now_s)
        self._signals.ring(run_bell(run_id), ALL_RUNS)
        return ended
