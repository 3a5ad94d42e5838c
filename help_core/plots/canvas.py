"""What all pictures share: colours, axes, words, and a file that is never half a picture."""

from __future__ import annotations

import os
import tempfile
import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator

from help_core.errors import BadInput

# Okabe and Ito's colours: told apart with every common kind of colour blindness, and in grey.
BLUE, ORANGE, PALE_ORANGE, PALE_BLUE = "#0072B2", "#D55E00", "#F2B27A", "#8FBFDD"
INK, SOFT, CLOUD, GRID = "#1F2933", "#616E7C", "#A9B8C6", "#E8EDF1"
SUFFIXES = (".png", ".svg")
SIZE_INCHES, DPI = (9.6, 5.8), 160
BESIDE = 0.075
"""Where pictures begin, as a share of their width."""
WIDE_TICKS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
CLOSE_TICKS = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
SPARSE_TICKS = (1.0, 2.0, 5.0)
NAME_CHARS, LINE_CHARS = 32, 112
"""Of a name in a title, and of a line below it: what there is room for."""


def check_picture(path: Path) -> None:
    """Raises ``BadInput`` for a suffix that cannot be drawn."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{path}: a picture ends in {' or '.join(SUFFIXES)}")


def blank_figure() -> Figure:
    """A white figure of the size that all have."""
    return Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")


def plain_axes(axes: Axes) -> None:
    """A pale grid and no box, so that the figures are what is seen."""
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, labelsize=10, length=0, pad=6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(CLOUD)


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Ticks of a logarithmic axis at round numbers that are neither crowded nor missing."""
    locator: Locator = MaxNLocator(nbins=8)
    if high / low > 2:
        locator = LogLocator(subs=_ticks(high / low), numticks=40)
    axis.set_major_locator(locator)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _ticks(ratio: float) -> tuple[float, ...]:
    if ratio <= 6:
        return CLOSE_TICKS
    return WIDE_TICKS if ratio <= 60 else SPARSE_TICKS


def write_head(figure: Figure, title: str, subtitle: str) -> None:
    """The title, and in a line or two what has to be known of the picture."""
    figure.text(BESIDE, 0.945, title, color=INK, fontsize=15, fontweight="bold", parse_math=False)
    figure.text(
        BESIDE,
        0.925,
        textwrap.fill(subtitle, LINE_CHARS),
        va="top",
        linespacing=1.25,
        color=SOFT,
        fontsize=10.5,
        parse_math=False,
    )


def write_axes(axes: Axes, x: str, y: str) -> None:
    """What the axes are; a dollar is a dollar, not the begin of a formula."""
    axes.set_xlabel(x, color=INK, fontsize=11, labelpad=7, parse_math=False)
    axes.set_ylabel(y, color=INK, fontsize=11, labelpad=8, parse_math=False)


def shorten(name: str, chars: int = NAME_CHARS) -> str:
    """A name whose middle is left out where there is no room for it."""
    if len(name) <= chars:
        return name
    head = (chars - 1) // 2
    return f"{name[:head]}…{name[head + 1 - chars :]}"


def save(figure: Figure, path: Path) -> None:
    """Writes PNG or SVG by the suffix, in one step; raises ``OSError``."""
    kind = path.suffix.lower()[1:]
    # The day of drawing would make a committed picture change without need.
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    handle, name = tempfile.mkstemp(suffix=path.suffix, prefix=".picture-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            figure.savefig(file, format=kind, metadata=metadata)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
