"""Files that only their owner may read: keys, tokens."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from help_core.errors import BadInput, StoreError


def read_private(path: Path) -> bytes:
    """The file's bytes; raises ``BadInput`` if others can read it, ``StoreError`` if nobody can."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise BadInput(
                    f"{path} is a secret that others can reach (mode {mode:03o});"
                    f" run: chmod 600 '{path}', and replace it if others may have read it"
                )
            return file.read()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None


def write_private(path: Path, content: bytes) -> None:
    """Replaces the file at once, readable by its owner alone; raises ``StoreError``.

    Its folder is made if need be, for its owner alone.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp makes the file with mode 600, so it is never readable, not even for a moment.
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from None
