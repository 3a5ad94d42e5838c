"""Latency tables in the form that HELP (Lee et al., NeurIPS 2021) published them.

A search space is a folder with ``latency/<device>.pt``, each a pickled list of one latency
in ms per architecture. Beside it lies the list of architectures: ``str_arch2idx.pt``
(NAS-Bench-201), ``metainfo.pt`` (FBNet) or ``ofa_archs.pt`` (OFA). Read without torch, so that a
replay board can answer from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from help_core.arrays import FloatArray
from help_core.errors import BadTable
from help_core.spaces.base import Architecture, SearchSpace
from help_core.spaces.ofa.genotype import format_genes, genes_of_config
from help_core.tables.latency import LatencyTable
from help_core.tables.plain_pickle import read_plain_pickle

GAP_BELOW_MEDIAN_SHARE = 0.05
"""A latency below this share of the device's median is a gap.

HELP's ``raspi4`` and ``pixel3`` hold minima of 0.003-1 ms for cells whose output is cut off
from their input: the runtime had folded the network away, so nothing was measured. The
fastest network that ran takes 10 % of the median.
"""


def read_help_latency(
    folder: Path,
    space: SearchSpace,
    devices: Sequence[str] = (),
    architectures: Sequence[Architecture] = (),
) -> LatencyTable:
    """The table of ``folder/latency/*.pt``, of the named devices or of all.

    ``architectures`` names the entries in order; without it the file beside the tables does.
    Raises ``BadTable`` with the file and, where one entry is at fault, its number from 0.
    """
    names = tuple(devices) or _device_names(folder)
    known = tuple(architectures) or _architectures(folder, space)
    columns = [_read_column(folder / "latency" / f"{name}.pt", len(known)) for name in names]
    return LatencyTable(space.name, known, names, np.column_stack(columns))


def _device_names(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(path.stem for path in (folder / "latency").glob("*.pt")))
    if not names:
        raise BadTable(f"{folder}: has no latency/<device>.pt; give the folder of one search space")
    return names


def _architectures(folder: Path, space: SearchSpace) -> tuple[Architecture, ...]:
    """The architectures of a published table, in its order."""
    for name, read in _INDEXES.items():
        path = folder / name
        if path.exists():
            content = read_plain_pickle(path)
            try:
                texts = read(content)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise BadTable(f"{path}: does not list architectures as HELP does") from None
            return tuple(space.parse(text) for text in texts)
    raise BadTable(f"{folder}: has none of {', '.join(_INDEXES)}, which order its latencies")


def _texts_by_index(content: Any) -> list[str]:
    if not content or sorted(content.values()) != list(range(len(content))):
        raise ValueError
    return sorted(content, key=content.__getitem__)


def _fbnet_texts(content: Any) -> list[str]:
    return ["-".join(entry["arch_str"]) for entry in content["arch"]]


def _ofa_texts(content: Any) -> list[str]:
    return [format_genes(genes_of_config(entry)) for entry in content["arch"]]


_INDEXES: Mapping[str, Callable[[Any], list[str]]] = {
    "str_arch2idx.pt": _texts_by_index,
    "metainfo.pt": _fbnet_texts,
    "ofa_archs.pt": _ofa_texts,
}
"""Where each space lists its architectures, and how to read that."""


def _read_column(path: Path, count: int) -> FloatArray:
    values = read_plain_pickle(path)
    if not isinstance(values, list) or len(values) != count:
        found = len(values) if isinstance(values, list) else type(values).__name__
        raise BadTable(f"{path}: must be a list of {count} latencies, is {found}")
    for number, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BadTable(f"{path}: entry {number} is {str(value)[:40]!r}, not a number")
    column = np.array(values, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(column) | (column <= 0))
    if bad.size:
        raise BadTable(f"{path}: entry {bad[0]} is {column[bad[0]]}, not above zero and finite")
    column[column < GAP_BELOW_MEDIAN_SHARE * np.median(column)] = np.nan
    return column
