"""Wakes what waits inside this process: agents for jobs, requests for reports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Listener:
    """Hears every ring since it began to listen, or since it last woke."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def wait(self, timeout_s: float) -> None:
        """Returns after a ring, or after ``timeout_s``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.event.wait()
        self.event.clear()


class Signals:
    """Named bells; used from the event loop's thread alone.

    Another coordinator on the same store does not ring here, so whoever waits also looks at
    the store from time to time.
    """

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}

    def ring(self, *names: str) -> None:
        """Wakes everybody who listens for one of the names."""
        for name in names:
            for listener in self._listeners.get(name, ()):
                listener.event.set()

    @contextmanager
    def listening(self, *names: str) -> Iterator[Listener]:
        """Listens from here on: look at the store inside, and no ring is missed."""
        listener = Listener()
        for name in names:
            self._listeners.setdefault(name, set()).add(listener)
        try:
            yield listener
        finally:
            for name in names:
                self._listeners[name].discard(listener)
                if not self._listeners[name]:
                    del self._listeners[name]


def jobs_of(device: str) -> str:
    """The name that rings when the device has new jobs."""
    return f"jobs:{device}"


def reports_of(device: str) -> str:
    """The name that rings when a job of the device has moved on."""
    return f"reports:{device}"
