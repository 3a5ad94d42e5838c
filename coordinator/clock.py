"""The coordinator's clock."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the moments that leases and presence are judged by."""

    def now_s(self) -> float:
        """Seconds since 1970 as of the start, counted on by a monotonic clock since."""


class AnchoredClock:
    """Wall time at the start plus monotonic time since.

    It never jumps while the process lives, whatever happens to the wall clock, and it goes
    on roughly where it was after a restart; leases are given a full term then.
    """

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now_s(self) -> float:
        """See ``Clock``."""
        return self._offset_s + time.monotonic()
