"""The picture of the front: what is predicted, what was measured, what the limits are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from help_core.arrays import BoolArray, FloatArray
from help_core.errors import BadInput
from help_core.plots.canvas import (
    BESIDE,
    BLUE,
    CLOUD,
    INK,
    ORANGE,
    PALE_ORANGE,
    SOFT,
    blank_figure,
    check_picture,
    log_ticks,
    plain_axes,
    save,
    write_axes,
    write_head,
)
from help_core.search.front import pareto_front

LEFT_OUT_SHARE = 0.12
LABEL_GAP = 0.085


@dataclass(frozen=True, slots=True)
class Winners:
    """The architectures that are offered; all ``[k]``, ms and percent.

    Of one that was not measured, ``measured_ms`` is what was predicted.
    """

    measured_ms: FloatArray
    interval_low_ms: FloatArray
    interval_high_ms: FloatArray
    accuracy_percent: FloatArray
    is_measured: BoolArray | None = None
    """``None``: all of them."""


@dataclass(frozen=True, slots=True)
class FrontLabels:
    """The words on the picture."""

    title: str
    subtitle: str = ""
    latency: str = "Latency (ms)"
    accuracy: str = "Top-1 accuracy (%)"
    interval: str = "90 % interval"


def plot_front(
    path: Path,
    latency_ms: FloatArray,
    accuracy_percent: FloatArray,
    winners: Winners,
    limits_ms: tuple[float, ...],
    labels: FrontLabels,
) -> None:
    """Draws predicted latency ``[n]`` against accuracy ``[n]``, the front, winners and limits.

    PNG or SVG by the suffix of ``path``, which is replaced in one step, so that a reader
    never sees half a picture. Raises ``BadInput`` on another suffix or nothing to draw.
    """
    check_picture(path)
    known = np.isfinite(latency_ms) & np.isfinite(accuracy_percent) & (latency_ms > 0)
    if not known.any():
        raise BadInput(f"{path}: no architecture has both a latency and an accuracy to draw")
    latency, accuracy = latency_ms[known], accuracy_percent[known]
    figure = blank_figure()
    axes = figure.add_axes((BESIDE, 0.115, 0.895, 0.715))
    _frame(axes, latency, accuracy, winners, limits_ms)
    _cloud(axes, latency, accuracy)
    _front(axes, latency, accuracy)
    _limits(axes, limits_ms)
    _winners(axes, winners, labels)
    _winner_labels(axes, winners, limits_ms)
    _words(figure, axes, labels)
    save(figure, path)


def _frame(
    axes: Axes,
    latency: FloatArray,
    accuracy: FloatArray,
    winners: Winners,
    limits_ms: tuple[float, ...],
) -> None:
    """Scales that show the useful part: the few far below all others are left out."""
    accuracies = np.concatenate([accuracy, winners.accuracy_percent])
    best = float(accuracies.max())
    floor = float(np.quantile(accuracy, LEFT_OUT_SHARE))
    floor = min(floor, float(np.min(winners.accuracy_percent, initial=best)) - 1.0)
    axes.set_ylim(best - 1.04 * (best - floor), best + 0.2 * (best - floor))
    visible = latency[accuracy >= axes.get_ylim()[0]]
    ends = [visible, winners.interval_high_ms, winners.measured_ms, np.array(limits_ms)]
    every = np.concatenate(ends)
    least = float(np.nanmin(every))
    # Intervals that reach much below all else would leave little room for it.
    least = max(least / 1.5, min(least, float(np.min(winners.interval_low_ms, initial=least))))
    _latency_scale(axes, least / 1.06, float(np.nanmax(every)) * 1.06)
    plain_axes(axes)


def _latency_scale(axes: Axes, low: float, high: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    log_ticks(axes.xaxis, low, high)


def _cloud(axes: Axes, latency: FloatArray, accuracy: FloatArray) -> None:
    # Few architectures need larger and firmer dots than fifteen thousand do.
    density = min(1.0, 600 / latency.size)
    axes.scatter(
        latency,
        accuracy,
        s=5 + 13 * density,
        c=CLOUD,
        alpha=0.30 + 0.5 * density,
        linewidths=0,
        rasterized=True,
        zorder=2,
        label=f"{latency.size:,} architectures, predicted",
    )
    left_out = int((accuracy < axes.get_ylim()[0]).sum())
    if left_out:
        axes.annotate(
            f"{left_out:,} less accurate ones lie below",
            (0.0, 0.0),
            xycoords="axes fraction",
            xytext=(6, 6),
            textcoords="offset points",
            color=SOFT,
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 2},
            zorder=7,
        )


def _front(axes: Axes, latency: FloatArray, accuracy: FloatArray) -> None:
    front = pareto_front(latency, accuracy)
    axes.step(
        np.append(latency[front], axes.get_xlim()[1]),
        np.append(accuracy[front], accuracy[front[-1]]),
        where="post",
        color=BLUE,
        linewidth=2.2,
        solid_joinstyle="round",
        zorder=4,
        label="Predicted front",
    )


def _limits(axes: Axes, limits_ms: tuple[float, ...]) -> None:
    for limit in limits_ms:
        axes.axvline(limit, color=SOFT, linewidth=1.1, linestyle=(0, (4, 3)), zorder=3)
        axes.annotate(
            f"≤ {limit:g} ms",
            (limit, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=INK,
            fontsize=10,
        )


def _winners(axes: Axes, winners: Winners, labels: FrontLabels) -> None:
    if not winners.measured_ms.size:
        return
    axes.hlines(
        winners.accuracy_percent,
        winners.interval_low_ms,
        winners.interval_high_ms,
        color=PALE_ORANGE,
        linewidth=5,
        capstyle="round",
        zorder=5,
        label=labels.interval,
    )
    every = np.ones(len(winners.measured_ms), dtype=bool)
    measured = every if winners.is_measured is None else winners.is_measured
    for which, face, edge, label in (
        (measured, ORANGE, "white", "Measured on the device"),
        (~measured, "white", ORANGE, "Offered, not measured"),
    ):
        if which.any():
            axes.scatter(
                winners.measured_ms[which],
                winners.accuracy_percent[which],
                s=74,
                c=face,
                edgecolors=edge,
                linewidths=1.4,
                zorder=6,
                label=label,
            )


def _winner_labels(axes: Axes, winners: Winners, limits_ms: tuple[float, ...]) -> None:
    """Figures at the best winner of each limit, left of its line, where there is room."""
    left, right = np.log(axes.get_xlim())
    last_at = -np.inf
    for limit in sorted(limits_ms):
        within = np.flatnonzero(winners.measured_ms <= limit)
        if not within.size:
            continue
        best = within[np.argmax(winners.accuracy_percent[within])]
        measured_ms = float(winners.measured_ms[best])
        at = float((np.log(measured_ms) - left) / (right - left))
        if at - last_at < LABEL_GAP:
            continue
        last_at = at
        # Left of the winner, unless that would lie on the axis' figures.
        side = "right" if at > LABEL_GAP else "left"
        axes.annotate(
            f"{winners.accuracy_percent[best]:.1f} %\n{measured_ms:.3g} ms",
            (measured_ms, float(winners.accuracy_percent[best])),
            xytext=(-3 if side == "right" else 3, 10),
            textcoords="offset points",
            ha=side,
            va="bottom",
            color=ORANGE,
            fontsize=10,
            fontweight="bold",
            linespacing=1.25,
            zorder=7,
        )


def _words(figure: Figure, axes: Axes, labels: FrontLabels) -> None:
    write_head(figure, labels.title, labels.subtitle)
    write_axes(axes, labels.latency, labels.accuracy)
    legend = axes.legend(
        loc="lower right",
        frameon=True,
        facecolor="white",
        edgecolor="none",
        framealpha=0.9,
        fontsize=10,
        labelcolor=INK,
        borderpad=0.8,
        markerscale=1.2,
    )
    legend.set_zorder(7)
    # Dots as small as in the cloud could not be seen in the legend.
    for handle in legend.legend_handles[:1]:
        if isinstance(handle, PathCollection):
            handle.set_sizes([38.0])
            handle.set_alpha(1.0)
