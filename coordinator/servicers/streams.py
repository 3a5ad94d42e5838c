"""Streams of requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def until(requests: AsyncIterator[T], stop: asyncio.Event) -> AsyncIterator[T]:
    """The requests that come before ``stop`` is set, one at a time."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while not stop.is_set():
            coming = asyncio.ensure_future(anext(requests, None))
            coming.add_done_callback(_look_at)
            await asyncio.wait((coming, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                return
            request = coming.result()
            if request is None:
                return
            yield request
    finally:
        stopped.cancel()


def _look_at(task: asyncio.Future[T | None]) -> None:
    # What it raises after the caller has gone is nobody's, and asyncio complains of that.
    if not task.cancelled():
        task.exception()
