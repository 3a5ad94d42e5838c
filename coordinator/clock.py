"""The coordinator's clock."""

from __future__ import annotations

import time
from typing import Protocol

JUMP_S = 5.0
"""A shared clock that is further off than this has been set, rather than drifted."""


class Clock(Protocol):
    """Tells the moments that leases and presence are judged by."""

    def now_s(self) -> float:
        """Seconds since 1970 as of the start, counted on by a monotonic clock since."""


class AnchoredClock:
    """Wall time at the start plus monotonic time since.

    It never jumps while the process lives, whatever happens to the wall clock, and it goes
    on roughly where it was after a restart; leases are given a full term then.

    Coordinators that share a database server anchor on its clock and follow it, because their
    own clocks disagree and drift apart by seconds a day.
    """

    def __init__(self, anchor_s: float | None = None) -> None:
        self._offset_s = (time.time() if anchor_s is None else anchor_s) - time.monotonic()

    def now_s(self) -> float:
        """See ``Clock``."""
        return self._offset_s + time.monotonic()

    def follow(self, shared_s: float) -> bool:
        """Takes over the time of a shared clock; whether it was further off than drift is.

        After such a jump every lease needs a new term: all coordinators jump alike, within
        a tick of their housekeeping.
        """
        difference_s = shared_s - self.now_s()
        self._offset_s += difference_s
        return abs(difference_s) > JUMP_S
