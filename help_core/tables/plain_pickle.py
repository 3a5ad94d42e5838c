"""Reads the plain lists and dictionaries that HELP saved with ``torch.save``, without torch.

Such a file is a zip archive with one pickle of numbers, strings, lists and dictionaries. The
reader refuses every pickle that names a class or function, so nothing can be executed; only
numpy's number scalars, which HELP's ``ofa_archs.pt`` holds, are read by code of this module.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from help_core.errors import BadTable

MAX_PICKLE_BYTES = 64 * 2**20


NUMBER_CODES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")


class _NumberType:
    """Stands in for ``numpy.dtype``: knows its code and ignores everything else."""

    def __init__(self, code: str, *_flags: object) -> None:
        self.code = code

    def __setstate__(self, _state: object) -> None:
        pass


def _number(kind: _NumberType, data: bytes) -> int | float:
    if kind.code not in NUMBER_CODES:
        raise pickle.UnpicklingError(f"it holds a numpy scalar of type {str(kind.code)[:40]}")
    value: int | float = np.frombuffer(data, dtype=f"<{kind.code}", count=1)[0].item()
    return value


def _bytes(text: str, encoding: str) -> bytes:
    """Pickles of protocol 2 write bytes as Latin-1 text."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it holds text to be encoded as {encoding[:40]!r}")
    return text.encode("latin-1")


class _PlainData(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name == "scalar" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _number
        if (module, name) == ("numpy", "dtype"):
            return _NumberType
        if (module, name) == ("_codecs", "encode"):
            return _bytes
        raise pickle.UnpicklingError(f"it refers to {module}.{name}, plain data does not")


def read_plain_pickle(path: Path) -> Any:
    """The value in ``path``; raises ``BadTable`` for anything but plain data."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [info for info in archive.infolist() if info.filename.endswith("/data.pkl")]
            if len(entries) != 1 or entries[0].file_size > MAX_PICKLE_BYTES:
                raise BadTable(f"{path}: not a plain list or dictionary saved by torch.save")
            data = archive.read(entries[0])
        return _PlainData(io.BytesIO(data)).load()
    except OSError as error:
        raise BadTable(f"{path}: cannot be read ({error.strerror})") from None
    except (zipfile.BadZipFile, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise BadTable(f"{path}: not plain data saved by torch.save ({error})") from None
    except (IndexError, KeyError, AttributeError, TypeError, MemoryError, OverflowError):
        raise BadTable(f"{path}: the pickle in it is damaged") from None
