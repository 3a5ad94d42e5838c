"""Tables as ``predict.py`` prints them: a column for each device, the mean at the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def row(label: str, values: Sequence[float], width: int = 13) -> None:
    """One line of a table, with the mean at its end."""
    cells = " ".join(f"{value:>{width}.3f}" for value in values)
    print(f"{label:34s} {cells} {np.nanmean(values):>8.3f}")


def head(title: str, columns: Sequence[str], width: int = 13) -> None:
    """The title and the column names."""
    print(f"\n{title}\n{'':34s} " + " ".join(f"{name:>{width}s}" for name in columns) + "     mean")
