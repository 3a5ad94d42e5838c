"""Where the reference data lies: ``HELP_REFERENCE_DATA``, or beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "HELP_REFERENCE_DATA"
BESIDE = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


def reference_folder() -> Path:
    """The folder; ends the program with one line where there is none."""
    folder = Path(os.environ.get(VARIABLE, BESIDE))
    if not folder.is_dir():
        raise SystemExit(f"{folder}: no reference data; name its folder in {VARIABLE}")
    return folder
