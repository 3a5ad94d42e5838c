"""Progress of long requests on stderr, so that stdout holds the answer alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

from help_core.errors import HelpError
from help_core.records import Progress

T = TypeVar("T")


def watch(events: Iterator[Progress | T]) -> T:
    """Shows progress until the result comes, and returns the result."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}
        for event in events:
            if not isinstance(event, Progress):
                return event
            if event.phase not in tasks:
                tasks[event.phase] = bars.add_task(event.message, total=event.total)
            bars.update(
                tasks[event.phase],
                completed=event.done,
                total=event.total,
                description=event.message,
            )
    raise HelpError("the coordinator ended the request without an answer; see its log")
