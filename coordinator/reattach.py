"""Long requests that outlive their coordinator: asked again until somebody answers.

A restart, an upgrade or a database that comes back takes seconds, and what was measured is
stored; a search of hours must not end with it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TypeVar

from help_core.errors import Cancelled, HelpError, StoreError, Unreachable
from help_core.records import Progress

T = TypeVar("T")

AWAY: tuple[type[HelpError], ...] = (Unreachable, StoreError, Cancelled)
"""Errors that pass by themselves. A coordinator that stops cancels the calls it is in."""
PATIENCE_S = 120.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to ask again; a clock and a pause are given, in s."""

    now_s: Callable[[], float]
    pause: Callable[[float], None]
    most_s: float = PATIENCE_S


class _Watched:
    """What has been seen of a request, and since when nothing new has come."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._seen: set[tuple[str, int]] = set()
        self._news_s = patience.now_s()
        self._pause_s = FIRST_PAUSE_S
        self.last: Progress | None = None

    def note(self, progress: Progress) -> None:
        """Only what was never reported before is news: a store may fail after each greeting."""
        self.last = progress
        if (step := (progress.phase, progress.done)) not in self._seen:
            self._seen.add(step)
            self._news_s, self._pause_s = self._patience.now_s(), FIRST_PAUSE_S

    def patient(self) -> bool:
        """Whether to ask again: never for a request that was refused from the start."""
        return (
            self.last is not None and self._patience.now_s() - self._news_s < self._patience.most_s
        )

    def wait(self) -> None:
        self._patience.pause(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def reattached(
    ask: Callable[[], Generator[Progress | T, None, None]],
    again: Callable[[], Generator[Progress | T, None, None]],
    patience: Patience,
) -> Iterator[Progress | T]:
    """The events of ``ask``, then of ``again`` each time that the coordinator goes away.

    Raises the error that ended the request: at once if it never began, or if it is none that
    passes, and otherwise when nothing new has come for as long as the patience lasts.
    """
    watched, source = _Watched(patience), ask
    while True:
        try:
            with closing(source()) as events:
                for event in events:
                    if isinstance(event, Progress):
                        watched.note(event)
                    yield event
            return
        except AWAY as error:
            last = watched.last
            if last is None or not watched.patient():
                raise
            source = again
            reason = str(error).partition("\n")[0]
        yield replace(last, message=f"asking again: {reason}")
        watched.wait()
