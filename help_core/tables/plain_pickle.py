"""Reads the plain lists and dictionaries that HELP saved with ``torch.save``, without torch.

Such a file is a zip archive with one pickle of numbers, strings, lists and dictionaries. The
reader refuses every pickle that names a class or function, so nothing can be executed.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any, NoReturn

from help_core.errors import BadTable

MAX_PICKLE_BYTES = 64 * 2**20


class _NumbersOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it refers to {module}.{name}, plain data does not")


def read_plain_pickle(path: Path) -> Any:
    """The value in ``path``; raises ``BadTable`` for anything but plain data."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [info for info in archive.infolist() if info.filename.endswith("/data.pkl")]
            if len(entries) != 1 or entries[0].file_size > MAX_PICKLE_BYTES:
                raise BadTable(f"{path}: not a plain list or dictionary saved by torch.save")
            data = archive.read(entries[0])
        return _NumbersOnly(io.BytesIO(data)).load()
    except OSError as error:
        raise BadTable(f"{path}: cannot be read ({error.strerror})") from None
    except (zipfile.BadZipFile, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise BadTable(f"{path}: not plain data saved by torch.save ({error})") from None
    except (IndexError, KeyError, AttributeError, TypeError, MemoryError, OverflowError):
        raise BadTable(f"{path}: the pickle in it is damaged") from None
