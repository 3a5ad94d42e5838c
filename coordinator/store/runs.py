"""Requests to adapt in the store: the contract, and how SQL keeps it.

A run is worked on by one coordinator, its owner, which says so every few seconds. A detached
run whose owner is silent, or gave it back, is claimed by the next coordinator that looks; a
run whose caller was attached ends with its coordinator.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import sqlalchemy as sa

from coordinator.store.queries import runs as queries
from help_core.records import AdaptRun, Answer, Progress, RunState


class RunStore(Protocol):
    """Each method is one transaction, from any thread."""

    def open(self, run: AdaptRun, owner: str) -> None:
        """Keeps a new run and forgets the oldest ended ones beyond a thousand."""

    def note(self, run_id: str, owner: str, progress: Progress, now_s: float) -> bool:
        """Keeps how far a run is; whether it is still running and the owner's."""

    def end(
        self, run_id: str, state: RunState, error: str, answer: Answer | None, now_s: float
    ) -> bool:
        """Ends a running run; whether it was one."""

    def get(self, run_id: str) -> AdaptRun:
        """Raises ``NotFound``."""

    def answer(self, run_id: str) -> Answer | None:
        """The answer of a run that is done."""

    def find(
        self, device: str = "", state: RunState | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[list[AdaptRun], int]:
        """Runs from the newest on, and how many match."""

    def claim(self, owner: str, silent_since_s: float, now_s: float) -> list[AdaptRun]:
        """Detached runs that nobody works on, which are the owner's from now on.

        Attached ones whose owner is silent are ended.
        """

    def release(self, owner: str) -> None:
        """Gives all running runs of a coordinator back, as it stops."""

    def supports(self, space: str, limit: int) -> dict[str, dict[str, float]]:
        """The newest support latencies in ms of each device, by architecture."""


class Transaction(Protocol):
    """Opens a transaction; ``write`` says which kind."""

    def __call__(
        self, *, write: bool, durable: bool = True
    ) -> AbstractContextManager[sa.Connection]:
        """A context that commits at its end."""


class SqlRunStore:
    """Implements ``RunStore``; see there."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def open(self, run: AdaptRun, owner: str) -> None:
        """See ``RunStore``."""
        with self._transaction(write=True) as connection:
            queries.open_(connection, run, owner)

    def note(self, run_id: str, owner: str, progress: Progress, now_s: float) -> bool:
        """See ``RunStore``."""
        with self._transaction(write=True, durable=False) as connection:
            return queries.note(connection, run_id, owner, progress, now_s)

    def end(
        self, run_id: str, state: RunState, error: str, answer: Answer | None, now_s: float
    ) -> bool:
        """See ``RunStore``."""
        with self._transaction(write=True) as connection:
            return queries.end(connection, run_id, state, error, answer, now_s)

    def get(self, run_id: str) -> AdaptRun:
        """See ``RunStore``."""
        with self._transaction(write=False) as connection:
            return queries.get(connection, run_id)

    def answer(self, run_id: str) -> Answer | None:
        """See ``RunStore``."""
        with self._transaction(write=False) as connection:
            return queries.get_answer(connection, run_id)

    def find(
        self, device: str = "", state: RunState | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[list[AdaptRun], int]:
        """See ``RunStore``."""
        with self._transaction(write=False) as connection:
            return queries.find(connection, device, state, limit, offset)

    def claim(self, owner: str, silent_since_s: float, now_s: float) -> list[AdaptRun]:
        """See ``RunStore``."""
        with self._transaction(write=True) as connection:
            return queries.claim(connection, owner, silent_since_s, now_s)

    def release(self, owner: str) -> None:
        """See ``RunStore``."""
        with self._transaction(write=True) as connection:
            queries.release(connection, owner)

    def supports(self, space: str, limit: int) -> dict[str, dict[str, float]]:
        """See ``RunStore``."""
        with self._transaction(write=False) as connection:
            return queries.supports(connection, space, limit)
