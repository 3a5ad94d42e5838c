"""Latency tables in the form that HELP (Lee et al., NeurIPS 2021) published them.

A search space is a folder with ``latency/<device>.pt``, each a pickled list of one latency
in ms per architecture. NAS-Bench-201 has ``str_arch2idx.pt`` beside it, which names the
architectures; FBNet and OFA order theirs by ``metainfo.pt`` and ``ofa_archs.pt``, which the
importers of those spaces read and hand over.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from help_core.arrays import FloatArray
from help_core.errors import BadTable
from help_core.spaces.base import Architecture, SearchSpace
from help_core.tables.latency import LatencyTable

GAP_BELOW_MEDIAN_SHARE = 0.05
"""A latency below this share of the device's median is a gap.

HELP's ``raspi4`` and ``pixel3`` hold minima of 0.003-1 ms for cells whose output is cut off
from their input: the runtime had folded the network away, so nothing was measured. The
fastest network that ran takes 10 % of the median.
"""


def load_plain_pickle(path: Path) -> object:
    """What a ``.pt`` file holds, if it is only tensors, lists, dictionaries and numbers.

    Read with ``weights_only=True``: a pickle that names any other class is refused. Numpy's
    integer scalar is let in because HELP's ``ofa_archs.pt`` holds it. Raises ``BadTable``.
    """
    numpy_scalar = np.int64(0).__reduce__()[0]
    allowed: list[Any] = [
        (numpy_scalar, "numpy.core.multiarray.scalar"),
        np.dtype,
        np.dtypes.Int64DType,
    ]
    try:
        with torch.serialization.safe_globals(allowed):
            content: object = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BadTable(f"{path}: cannot be read ({error.strerror})") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise BadTable(f"{path}: not a plain .pt file ({reason})") from None
    return content


def read_help_latency(
    folder: Path,
    space: SearchSpace,
    devices: Sequence[str] = (),
    architectures: Sequence[Architecture] = (),
) -> LatencyTable:
    """The table of ``folder/latency/*.pt``, of the named devices or of all.

    ``architectures`` names the entries in order; without it ``str_arch2idx.pt`` does. Raises
    ``BadTable`` with the file and, where one entry is at fault, its number from 0.
    """
    names = tuple(devices) or _device_names(folder)
    known = tuple(architectures) or _architectures_by_index(folder / "str_arch2idx.pt", space)
    columns = [_read_column(folder / "latency" / f"{name}.pt", len(known)) for name in names]
    return LatencyTable(space.name, known, names, np.column_stack(columns))


def _device_names(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(path.stem for path in (folder / "latency").glob("*.pt")))
    if not names:
        raise BadTable(f"{folder}: has no latency/<device>.pt; give the folder of one search space")
    return names


def _architectures_by_index(path: Path, space: SearchSpace) -> tuple[Architecture, ...]:
    content = load_plain_pickle(path)
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(key, str) for key in content)
    ):
        raise BadTable(f"{path}: must be a dictionary from architecture to index")
    if sorted(content.values()) != list(range(len(content))):
        raise BadTable(f"{path}: its indices must be 0 to {len(content) - 1}, each once")
    return tuple(space.parse(text) for text in sorted(content, key=content.__getitem__))


def _read_column(path: Path, count: int) -> FloatArray:
    content = load_plain_pickle(path)
    values = content.tolist() if isinstance(content, torch.Tensor) else content
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
