"""Progress of long requests on stderr, so that stdout holds the answer alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

from help_core.errors import HelpError
from help_core.records import Progress

T = TypeVar("T")


class Watcher:
    """Bars by key, made when they are first shown."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def show(self, key: str, done: int, total: int, text: str) -> None:
        """Sets a bar and the text before it."""
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(text, total=total)
        self._bars.update(self._tasks[key], completed=done, total=total, description=text)

    def follow(self, text: str) -> Callable[[int, int], None]:
        """What sets the bar of that text, given how much is done of how much."""
        return lambda done, total: self.show(text, done, total, text)


@contextmanager
def watching() -> Iterator[Watcher]:
    """Bars on stderr while the context lasts."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    # Where nobody looks, not even the empty line that rich leaves behind.
    hidden = not console.is_terminal
    with Bars(*columns, console=console, transient=True, disable=hidden) as bars:
        yield Watcher(bars)


def watch(events: Iterator[Progress | T]) -> T:
    """Shows progress until the result comes, and returns the result."""
    with watching() as watcher:
        for event in events:
            if not isinstance(event, Progress):
                return event
            watcher.show(event.phase, event.done, event.total, event.message)
    raise HelpError("the coordinator ended the request without an answer; see its log")
