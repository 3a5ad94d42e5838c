"""Imports and exports latency tables."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from coordinator.store import Store
from help_core.errors import BadInput
from help_core.records import AccuracyRow, TableOrigin, TableRow, check_name
from help_core.spaces import get_gene_space, get_space

MAX_SOURCE_CHARS = 500


class Tables:
    """The use cases ``import`` and ``export``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, space_name: str, source: str, rows: Sequence[TableRow]) -> int:
        """Adds rows after checking each; returns how many."""
        return await asyncio.to_thread(self._add, space_name, source, rows)

    def _add(self, space_name: str, source: str, rows: Sequence[TableRow]) -> int:
        space = get_space(space_name)
        _check_source(source)
        checked = []
        for row in rows:
            if not (math.isfinite(row.latency_ms) and row.latency_ms > 0):
                raise BadInput(
                    f"latency {row.latency_ms} ms of {row.architecture[:80]!r} on"
                    f" {row.device[:64]!r} is not above zero and finite"
                )
            name = str(space.parse(row.architecture))
            checked.append(TableRow(name, check_name("device", row.device), row.latency_ms))
        return self._store.add_rows(space_name, source, checked)

    async def set_accuracies(
        self, space_name: str, source: str, rows: Sequence[AccuracyRow]
    ) -> int:
        """Replaces a user's accuracies of a space; without rows the shipped ones count again."""
        return await asyncio.to_thread(self._set_accuracies, space_name, source, rows)

    def _set_accuracies(self, space_name: str, source: str, rows: Sequence[AccuracyRow]) -> int:
        space = get_gene_space(space_name)
        _check_source(source)
        checked: dict[str, AccuracyRow] = {}
        for row in rows:
            if not 0 <= row.accuracy_percent <= 100:
                raise BadInput(
                    f"accuracy {row.accuracy_percent} of {row.architecture[:80]!r} is not"
                    " between 0 and 100 percent"
                )
            name = str(space.parse(row.architecture))
            checked[name] = AccuracyRow(name, row.accuracy_percent)
        self._store.set_accuracies(space_name, source, list(checked.values()))
        return len(checked)

    async def rows(
        self, space_name: str, devices: Sequence[str], origin: TableOrigin
    ) -> list[TableRow]:
        """The latencies of a space."""
        get_space(space_name)
        return await asyncio.to_thread(self._store.rows, space_name, devices, origin)


def _check_source(source: str) -> None:
    if len(source) > MAX_SOURCE_CHARS:
        raise BadInput(f"the source is longer than {MAX_SOURCE_CHARS} characters")
