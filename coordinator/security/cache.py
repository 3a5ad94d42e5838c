"""Look-ups that are remembered for a few seconds, so that a call costs no query."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from coordinator.clock import Clock

T = TypeVar("T")

MAX_ENTRIES = 10_000


class Remembered(Generic[T]):
    """Used from the event loop's thread alone; what was not found is not remembered."""

    def __init__(self, find: Callable[[str], T | None], clock: Clock, for_s: float) -> None:
        self._find = find
        self._clock = clock
        self._for_s = for_s
        self._entries: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def known(self, key: str) -> T | None:
        """What was found a moment ago."""
        held = self._entries.get(key)
        if held is None or self._clock.now_s() - held[0] >= self._for_s:
            return None
        return held[1]

    def seen(self, key: str) -> bool:
        """Whether it was found before, be it long ago."""
        return key in self._entries

    async def get(self, key: str) -> T | None:
        """What is known of a key, looked up if need be."""
        held = self.known(key)
        if held is not None:
            return held
        found = await asyncio.to_thread(self._find, key)
        self._entries.pop(key, None)
        if found is not None:
            self._entries[key] = (self._clock.now_s(), found)
            if len(self._entries) > MAX_ENTRIES:
                self._entries.popitem(last=False)
        return found

    def expire(self) -> None:
        """Looks each key up again at its next use."""
        self._entries = OrderedDict(
            (key, (found_s - self._for_s, value)) for key, (found_s, value) in self._entries.items()
        )
