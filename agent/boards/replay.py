"""The replay board answers a job with the latency that a table holds.

A fleet of a thousand devices with known truth runs on a laptop this way, and a user tests
their own lab. A gap in the table is a failure of class ``no-data``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agent.boards.base import Wanted
from agent.measure.statistics import summarise
from help_core.errors import BadTable
from help_core.records import Board, Failure, FailureClass, Measurement, Settings, Verdict
from help_core.spaces.base import Architecture, SearchSpace
from help_core.tables.help_import import read_help_latency
from help_core.tables.latency import read_latency_csv


def read_column(path: Path, space: SearchSpace, column: str) -> dict[Architecture, float]:
    """Latencies in ms of one device in a CSV table or a HELP ``.pt`` list, without gaps."""
    if path.suffix == ".pt":
        table, column = read_help_latency(path.parent.parent, space, [path.stem]), path.stem
    else:
        table = read_latency_csv(path, space)
    if column not in table.devices:
        raise BadTable(
            f"{path}: no column {column!r}; it has {', '.join(table.devices)}."
            " Name one with --device or --column"
        )
    latencies = table.column(column).tolist()
    pairs = zip(table.architectures, latencies, strict=True)
    return {architecture: value for architecture, value in pairs if not np.isnan(value)}


class ReplayBoard:
    """Implements ``MeasuringBoard`` on a table."""

    def __init__(self, latencies_ms: dict[Architecture, float], source: str) -> None:
        self._latencies_ms = latencies_ms
        self._source = source

    def describe(self) -> Board:
        """A board of kind ``replay`` whose model is the table's name."""
        return Board(kind="replay", model=self._source)

    def default_settings(self) -> Settings:
        """Runtime ``replay``: these figures must never pass for measured ones."""
        return Settings(runtime="replay", provider="table")

    def measure(self, architecture: Architecture, settings: Settings) -> Measurement | Failure:
        """The table's latency as a single sample."""
        latency_ms = self._latencies_ms.get(architecture)
        if latency_ms is None:
            return Failure(
                FailureClass.NO_DATA, f"{self._source} holds no latency of {architecture}"
            )
        samples_ns = (round(latency_ms * 1e6),)
        return Measurement(
            samples_ns, summarise(samples_ns), Verdict.VALID, fingerprint={"source": self._source}
        )

    def measure_batch(self, wanted: Sequence[Wanted]) -> list[Measurement | Failure]:
        """One after the other: a table has no noise to average."""
        return [self.measure(architecture, settings) for architecture, settings in wanted]

    def interrupt(self) -> None:
        """Nothing runs long enough to be interrupted."""
