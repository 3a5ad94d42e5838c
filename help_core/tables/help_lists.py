"""HELP's latency lists: one ``.pt`` per device, ordered as its search space's index.

Known defects are handled here: ``raspi4`` and ``pixel3`` hold near-zero values, which are
failed measurements; they become gaps.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from help_core.errors import BadTable
from help_core.spaces.base import Architecture, SearchSpace
from help_core.tables.plain_pickle import read_plain_pickle

FAILED_BELOW = 0.02
"""A latency below this share of the median cannot be one: the smallest network of a space
takes more than a fiftieth of the median network."""


def read_help_list(path: Path, space: SearchSpace) -> dict[Architecture, float]:
    """Latencies in ms of one device in HELP's layout ``SPACE/latency/DEVICE.pt``.

    The index that tells which architecture each value belongs to lies beside the folder
    ``latency``. Failed measurements are left out. Raises ``BadTable``.
    """
    values = read_plain_pickle(path)
    architectures = _index(path.parent.parent, space)
    if not isinstance(values, list) or len(values) != len(architectures):
        found = f"{len(values)} values" if isinstance(values, list) else type(values).__name__
        raise BadTable(f"{path}: expected a list of {len(architectures)} latencies, found {found}")
    if not all(isinstance(value, int | float) for value in values):
        raise BadTable(f"{path}: holds something that is no number")
    latency_ms = np.array(values, dtype=np.float64)
    good = np.isfinite(latency_ms) & (latency_ms > FAILED_BELOW * np.nanmedian(latency_ms))
    pairs = zip(architectures, latency_ms.tolist(), good.tolist(), strict=True)
    return {architecture: value for architecture, value, keep in pairs if keep}


def _index(folder: Path, space: SearchSpace) -> list[Architecture]:
    path = folder / "str_arch2idx.pt"
    if not path.exists():
        raise BadTable(f"{path} is missing: it tells the order of the latencies in {folder}")
    index = read_plain_pickle(path)
    if not isinstance(index, dict) or sorted(index.values()) != list(range(len(index))):
        raise BadTable(f"{path}: expected architecture strings with the indices 0, 1, 2 …")
    return [space.parse(text) for text in sorted(index, key=index.__getitem__)]
