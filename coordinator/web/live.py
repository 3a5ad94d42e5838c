"""Parts of pages that follow the fleet: server-sent events whose data is the part's new HTML."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import StreamingResponse

from coordinator.signals import Listener
from coordinator.web.auth import visit_of
from coordinator.web.parts import WebParts
from help_core.errors import HelpError, RateLimited, Unauthenticated

MAX_STREAMS = 200
LOOK_AGAIN_S = 2.0
"""Another coordinator's changes ring no bell here."""
REST_S = 0.2
BEAT_S = 15.0
"""Silence after which proxies and browsers may think the stream dead."""

Render = Callable[[], Awaitable[str]]


class Streams:
    """Counts the streams of one coordinator."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._open = 0

    def response(
        self, request: Request, render: Render, bells: Sequence[str] = ()
    ) -> StreamingResponse:
        """Sends what ``render`` gives whenever it changes; raises ``RateLimited``."""
        if self._open >= MAX_STREAMS:
            raise RateLimited(f"{self._open} pages are open already; close one")
        events = self._events(request, render, bells)
        return StreamingResponse(events, media_type="text/event-stream")

    async def _events(
        self, request: Request, render: Render, bells: Sequence[str]
    ) -> AsyncGenerator[str]:
        self._open += 1
        visit = visit_of(request)
        loop, last, sent_s = asyncio.get_running_loop(), "", 0.0
        try:
            with self._parts.signals.listening(*bells) as bell:
                yield "retry: 1000\n\n"
                while not self._parts.stopping.is_set():
                    # A token that was revoked meanwhile ends the stream.
                    await self._parts.gate.user(visit.digest, visit.principal.peer)
                    html = await render()
                    if html != last:
                        lines = "".join(f"data: {line}\n" for line in html.splitlines())
                        yield f"{lines}\n"
                        last, sent_s = html, loop.time()
                    elif loop.time() - sent_s > BEAT_S:
                        yield ": still here\n\n"
                        sent_s = loop.time()
                    await self._rest(bell)
        except HelpError as error:
            gone = isinstance(error, Unauthenticated)
            yield f"event: {'login' if gone else 'trouble'}\ndata: {error}\n\n"
        finally:
            self._open -= 1

    async def _rest(self, bell: Listener) -> None:
        """Until something happened, but not more often than an eye can follow."""
        stop = asyncio.create_task(self._parts.stopping.wait())
        ring = asyncio.create_task(bell.wait(LOOK_AGAIN_S))
        try:
            await asyncio.wait((stop, ring), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stop, ring):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if not self._parts.stopping.is_set():
            await asyncio.sleep(REST_S)
