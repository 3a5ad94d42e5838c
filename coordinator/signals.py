"""Wakes what waits inside this process: agents for jobs, requests for reports."""

from __future__ import annotations

import asyncio


class Signals:
    """Named events; used from the event loop's thread alone.

    Another coordinator on the same store does not ring here, so whoever waits also looks at
    the store from time to time.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def ring(self, *names: str) -> None:
        """Wakes everybody who waits for one of the names."""
        for name in names:
            for event in self._waiting.get(name, ()):
                event.set()

    async def wait(self, names: tuple[str, ...], timeout_s: float) -> None:
        """Returns when one of the names rings, or after ``timeout_s``."""
        event = asyncio.Event()
        for name in names:
            self._waiting.setdefault(name, set()).add(event)
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            for name in names:
                self._waiting[name].discard(event)
                if not self._waiting[name]:
                    del self._waiting[name]


def jobs_of(device: str) -> str:
    """The name that rings when the device has new jobs."""
    return f"jobs:{device}"


def reports_of(device: str) -> str:
    """The name that rings when a job of the device has moved on."""
    return f"reports:{device}"
