"""A device's hardware embedding beside those of its nearest known devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from help_core.arrays import FloatArray, IntArray
from help_core.plots.canvas import (
    BESIDE,
    BLUE,
    INK,
    blank_figure,
    check_picture,
    log_ticks,
    plain_axes,
    save,
    shorten,
    write_axes,
    write_head,
)
from help_core.records import Embedding, Neighbour

# The rest of Okabe and Ito's colours, so that five neighbours differ; black stays for words.
COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("s", "^", "D", "v", "P")
LEGEND_CHARS = 24


def plot_embedding(path: Path, embedding: Embedding) -> None:
    """Draws the relative latency of each shared architecture, a line for each device.

    PNG or SVG by the suffix of ``path``. Raises ``BadInput`` on another suffix.
    """
    check_picture(path)
    figure = blank_figure()
    axes = figure.add_axes((BESIDE, 0.115, 0.635, 0.715))
    plain_axes(axes)
    own = np.array(embedding.relative)
    # In the order of the device's own latencies a line that goes down is a difference.
    order = np.argsort(own, kind="stable")
    for rank, one in enumerate(embedding.nearest):
        _draw_neighbour(axes, one, rank, order)
    _draw_line(axes, own[order], BLUE, "o", 2.6, f"{shorten(embedding.device, LEGEND_CHARS)}")
    _scale(axes, embedding)
    write_head(
        figure,
        f"{shorten(embedding.device)} beside its nearest known devices",
        _subtitle(embedding),
    )
    write_axes(
        axes,
        "Support architectures, from the fastest to the slowest on the device",
        "Latency relative to the device's mean",
    )
    handles, labels = axes.get_legend_handles_labels()
    # The device itself was drawn last, to lie above the others.
    figure.legend(
        [handles[-1], *handles[:-1]],
        [labels[-1], *labels[:-1]],
        loc="upper left",
        bbox_to_anchor=(0.725, 0.84),
        frameon=False,
        fontsize=9.5,
        labelcolor=INK,
        labelspacing=0.9,
        handlelength=2.6,
    )
    save(figure, path)


def _subtitle(embedding: Embedding) -> str:
    text = f"Latencies of {len(embedding.architectures)} architectures of {embedding.space},"
    text += " each device's relative to its own geometric mean"
    if not embedding.nearest:
        return f"{text}. No other device is known by the same architectures."
    return (
        f"{text}. A percentage says how far a line differs (root mean square);"
        ' "training" are devices that the predictor learned from.'
    )


def _draw_neighbour(axes: Axes, one: Neighbour, rank: int, order: IntArray) -> None:
    known = np.array([np.nan if value is None else value for value in one.relative])
    label = f"{shorten(one.device, LEGEND_CHARS)}\n{one.distance_percent:.1f} %, {one.origin}"
    colour = COLOURS[rank % len(COLOURS)]
    _draw_line(axes, known[order], colour, MARKERS[rank % len(MARKERS)], 1.3, label)


def _draw_line(
    axes: Axes, values: FloatArray, colour: str, marker: str, width: float, label: str
) -> None:
    axes.plot(
        np.arange(1, len(values) + 1),
        values,
        color=colour,
        marker=marker,
        linewidth=width,
        markersize=4 + width,
        markeredgecolor="white",
        markeredgewidth=0.6,
        label=label,
    )


def _scale(axes: Axes, embedding: Embedding) -> None:
    rows = [embedding.relative, *(one.relative for one in embedding.nearest)]
    values = [value for row in rows for value in row if value is not None]
    low, high = min(values) / 1.08, max(values) * 1.08
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    log_ticks(axes.yaxis, low, high)
    axes.set_xlim(0.6, len(embedding.architectures) + 0.4)
    axes.set_xticks(range(1, len(embedding.architectures) + 1))
