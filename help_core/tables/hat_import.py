"""HAT's latency tables as latency tables of a HAT space.

A row of HAT's holds ten features and no network, so a network that has these features stands
for it (``help_core.spaces.hat.recover``). HAT measured feed-forwards of 512 to 3,072 and 2 to 8
heads in every task and searched fewer. In a space with all of them (``as_measured``) every
row is as HAT measured it. In a space with fewer, most rows have sums of layers that
it cannot reach; they move to the nearest network that it has, and their latency by what a linear
fit to the file says of the move.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from help_core.arrays import FloatArray
from help_core.errors import BadArchitecture, BadTable
from help_core.spaces.base import Architecture
from help_core.spaces.hat import Hat
from help_core.spaces.hat.recover import first_unreachable, recover_genes
from help_core.spaces.hat.task import as_measured
from help_core.tables.hat_csv import FEATURE_COLUMNS, HatLatencies, read_hat_csv
from help_core.tables.latency import LatencyTable

Part: TypeAlias = Literal["encoder", "decoder", "total"]
"""``total`` is one sentence, which is what a board measures of a HAT network."""

_STEM = re.compile(r"(?P<task>[a-z0-9]+)_[cg]pu_(?P<board>[a-z0-9]+?)(?:_all)?")
LEAST_SHARE = 0.2
"""Of a latency, what a move leaves at least, should a fit to few rows run wild."""


def read_hat_latency(path: Path, space: Hat, part: Part = "total") -> LatencyTable:
    """The table of one of HAT's CSV files, or of all in a folder, a device for each.

    ``wmt14ende_cpu_xeon_all.csv`` becomes the device ``xeon_wmt14ende``. A file of another task
    is a device too: the same layers with another vocabulary or length. Rows with one network
    are averaged. Raises ``BadTable`` with file, row and column.
    """
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    if not files:
        raise BadTable(f"{path}: has no .csv; give HAT's folder latency_dataset or a file of it")
    columns = [(_device(file), _read_column(file, space, part)) for file in files]
    return _joined(space, columns)


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows of one of HAT's files as networks of a space."""

    architectures: tuple[Architecture, ...]
    latency_ms: FloatArray
    """``[n]``, after the move."""
    share: FloatArray
    """``[n]``, of the measured latency; 1 where nothing had to move."""


def move_rows(table: HatLatencies, space: Hat, part: Part = "total") -> Moved:
    """Each row as the network of the space nearest to it; raises ``BadArchitecture``."""
    latency_ms: FloatArray = getattr(table, f"{part}_ms")
    genes = recover_genes(space.task, table.features)
    there = space.features(genes, "help")
    weights = np.linalg.lstsq(_work(table.features), latency_ms, rcond=None)[0]
    change = (_work(there) - _work(table.features)) @ weights
    share = np.maximum(1 + change / latency_ms, LEAST_SHARE)
    return Moved(tuple(space.from_genes(genes)), latency_ms * share, share)


def _work(features: FloatArray) -> FloatArray:
    """What a transformer does, in the terms that the features fix, ``[n, 13]``."""
    encoder, layers, decoder, depth = (features[:, [0, 1, 4, 5]] / [640, 6, 640, 6]).T
    sums = features[:, [2, 3, 6, 7, 8, 9]] / [3072, 8, 3072, 8, 8, 3]
    sums = sums * np.column_stack([layers, layers, depth, depth, depth, depth])
    products = np.column_stack([encoder * sums[:, 0], decoder * sums[:, 2], decoder * depth])
    return np.column_stack([np.ones(len(features)), encoder, decoder, depth, sums, products])


def _device(file: Path) -> str:
    match = _STEM.fullmatch(file.stem)
    return f"{match['board']}_{match['task']}" if match else file.stem


def _read_column(file: Path, space: Hat, part: Part) -> dict[Architecture, float]:
    table = read_hat_csv(file)
    try:
        moved = move_rows(table, space, part)
    except BadArchitecture as error:
        raise BadTable(f"{file}: {error}") from None
    wrong = first_unreachable(as_measured(space.task), table.features)
    if wrong is not None:
        raise BadTable(
            f"{file}: network {wrong[0] + 1}, column {FEATURE_COLUMNS[wrong[1]]!r}:"
            f" no layers that HAT measured have a mean of {table.features[wrong]:g}"
        )
    found: dict[Architecture, list[float]] = {}
    for architecture, latency_ms in zip(
        moved.architectures, moved.latency_ms.tolist(), strict=True
    ):
        found.setdefault(architecture, []).append(latency_ms)
    return {architecture: float(np.mean(values)) for architecture, values in found.items()}


def _joined(space: Hat, columns: Sequence[tuple[str, dict[Architecture, float]]]) -> LatencyTable:
    rows: dict[Architecture, int] = {}
    for _, column in columns:
        for architecture in column:
            rows.setdefault(architecture, len(rows))
    latency_ms = np.full((len(rows), len(columns)), np.nan)
    for place, (_, column) in enumerate(columns):
        latency_ms[[rows[one] for one in column], place] = list(column.values())
    return LatencyTable(space.name, tuple(rows), tuple(device for device, _ in columns), latency_ms)
