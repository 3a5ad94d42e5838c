"""Measuring again what was spoiled: how often, and which processes count in the end. Pure."""

from __future__ import annotations

from collections.abc import Sequence

MAX_EXTRA = 6
"""Processes beyond the planned ones that one measurement may take."""

MAX_FUTILE = 4
MAX_SAVED = 12


class Patience:
    """Whether repeating still helps on this board.

    A neighbour that stays makes every repetition as bad as the first try; after a few of them
    in vain nothing is repeated, until a process comes out clean by itself.
    """

    def __init__(self, max_futile: int = MAX_FUTILE) -> None:
        self._max_futile = max_futile
        self._futile = 0

    @property
    def is_left(self) -> bool:
        """Whether a repetition is worth its time."""
        return self._futile < self._max_futile

    def record(self, *, clean: bool, repeated: bool) -> None:
        """What came of a process; ``repeated`` if it stood in for a spoiled one."""
        if clean:
            self._futile = 0
        elif repeated:
            self._futile += 1


class Allowance:
    """Processes that may be spent on making those agree that nothing spoiled.

    Fresh processes differ by where their memory lies; more of them narrow the interval. Every
    task earns one, so that a board whose processes never agree is measured a third longer at most.
    """

    def __init__(self, most: int = MAX_SAVED) -> None:
        self._most = most
        self._left = most

    @property
    def is_left(self) -> bool:
        """Whether another process may be spent."""
        return self._left > 0

    def earn(self, tasks: int) -> None:
        """That many tasks begin."""
        self._left = min(self._left + tasks, self._most)

    def spend(self) -> None:
        """One process was taken."""
        self._left -= 1


def choose(clean: Sequence[bool], wanted: int) -> list[int]:
    """Indices of the processes that count.

    The clean ones, if there are as many as planned: which of them gave a low or a high latency
    plays no part. Otherwise all, since a choice among spoiled ones would be one by value.
    """
    indices = [index for index, is_clean in enumerate(clean) if is_clean]
    return indices if len(indices) >= wanted else list(range(len(clean)))
