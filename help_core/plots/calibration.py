"""Predicted against measured latency, and how often the intervals held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from help_core.arrays import FloatArray
from help_core.errors import BadInput
from help_core.plots.canvas import (
    BESIDE,
    BLUE,
    CLOUD,
    INK,
    ORANGE,
    PALE_BLUE,
    PALE_ORANGE,
    SOFT,
    blank_figure,
    check_picture,
    log_ticks,
    plain_axes,
    save,
    shorten,
    write_axes,
    write_head,
)
from help_core.predictors.base import INTERVAL_LEVEL
from help_core.records import Calibration, PredictedPoint

FEW = 100
"""More points than so many are drawn smaller."""


def plot_calibration(path: Path, calibration: Calibration) -> None:
    """Draws measured against predicted latency in ms with intervals, and their coverage.

    PNG or SVG by the suffix of ``path``. Raises ``BadInput`` on another suffix, or where
    nothing was measured besides the support set.
    """
    check_picture(path)
    points = calibration.points
    if not points:
        raise BadInput(
            f"{calibration.device} has nothing measured in {calibration.space} besides its"
            f" {calibration.support} support measurements, so there is nothing to compare;"
            f" measure more with 'help-coord collect --device {calibration.device}"
            f" --space {calibration.space} --sample 20'"
        )
    figure = blank_figure()
    # Both axes span the same latencies, so the panel is square and its diagonal is at 45°.
    _draw_points(figure.add_axes((BESIDE, 0.115, 0.432, 0.715)), points)
    _draw_coverage(figure.add_axes((0.635, 0.115, 0.325, 0.53)), calibration)
    title = f"{shorten(calibration.device)}: predicted against measured"
    write_head(figure, title, _subtitle(calibration))
    save(figure, path)


def held_share(points: tuple[PredictedPoint, ...]) -> float:
    """The share of points whose measured latency is within the predicted interval."""
    return sum(_holds(point) for point in points) / len(points)


def _holds(point: PredictedPoint) -> bool:
    return point.low_ms <= point.measured_ms <= point.high_ms


def _subtitle(calibration: Calibration) -> str:
    points = calibration.points
    level = f"{100 * INTERVAL_LEVEL:.0f} %"
    held = sum(_holds(point) for point in points)
    text = f"{level} intervals held {held} of {len(points)} ({100 * held / len(points):.0f} %)"
    text += "; Spearman "
    text += "needs 3 points" if calibration.spearman is None else f"{calibration.spearman:.3f}"
    if calibration.error_percent is not None:
        text += f"; mean error {calibration.error_percent:.1f} %"
    text += f". Predictor {calibration.predictor} on {calibration.space}, adapted with"
    return f"{text} {calibration.support} measurements that are not shown."


def _draw_points(axes: Axes, points: tuple[PredictedPoint, ...]) -> None:
    columns = [(one.measured_ms, one.predicted_ms, one.low_ms, one.high_ms) for one in points]
    measured, predicted, low, high = np.array(columns).T
    least, most = _ends(measured, predicted, low, high)
    plain_axes(axes)
    for axis, set_scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        set_scale("log")
        log_ticks(axis, least, most)
    axes.set_xlim(least, most)
    axes.set_ylim(least, most)
    ends = [least, most]
    axes.plot(ends, ends, color=SOFT, linewidth=1.1, linestyle=(0, (4, 3)), label="exact")
    held = (low <= measured) & (measured <= high)
    size = 30 if len(points) <= FEW else 12
    for which, dark, pale, label in (
        (held, BLUE, PALE_BLUE, "within its 90 % interval"),
        (~held, ORANGE, PALE_ORANGE, "outside of it"),
    ):
        if not which.any():
            continue
        axes.vlines(
            measured[which], low[which], high[which], color=pale, linewidth=size / 12, zorder=3
        )
        axes.scatter(
            measured[which],
            predicted[which],
            s=size,
            c=dark,
            edgecolors="white",
            linewidths=0.5,
            zorder=4,
            label=f"{label} ({which.sum():,})",
        )
    write_axes(axes, "Measured latency (ms)", "Predicted latency (ms)")
    axes.legend(
        loc="upper left",
        frameon=True,
        edgecolor="none",
        framealpha=0.9,
        fontsize=9.5,
        labelcolor=INK,
        handletextpad=0.3,
    )


def _ends(*columns: FloatArray) -> tuple[float, float]:
    """The span of the points; of intervals that reach much further, the begin is shown."""
    measured, predicted, low, high = columns
    least, most = np.minimum(measured, predicted).min(), np.maximum(measured, predicted).max()
    least, most = max(low.min(), least / 1.5), min(max(most, high.max()), most * 1.5)
    return float(min(least, measured.min())) / 1.06, float(most) * 1.06


def _draw_coverage(axes: Axes, calibration: Calibration) -> None:
    """The share held at several levels, with what chance alone would do to a true level."""
    from scipy import stats

    count = len(calibration.points)
    levels = np.linspace(0.5, 0.999, 60)
    low, high = (np.asarray(end) for end in stats.binom.interval(0.95, count, levels))
    plain_axes(axes)
    axes.fill_between(
        levels,
        low / count,
        high / count,
        color=CLOUD,
        alpha=0.35,
        linewidth=0,
        label=f"95 % range of true intervals ({count:,} points)",
    )
    axes.plot([0.5, 1], [0.5, 1], color=SOFT, linewidth=1.1, linestyle=(0, (4, 3)))
    known = [(point.level, point.held) for point in calibration.coverage]
    axes.plot(
        *zip(*known, strict=True),
        color=BLUE,
        linewidth=2,
        marker="o",
        markersize=6,
        markeredgecolor="white",
        label="held",
    )
    least = min(0.5, *(held for _, held in known), float(low[0]) / count)
    axes.set_xlim(0.48, 1.0)
    axes.set_ylim(max(0.0, least - 0.04), 1.02)
    percent = FuncFormatter(lambda value, _: f"{100 * value:.0f} %")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent)
    axes.xaxis.set_major_locator(MultipleLocator(0.1))
    axes.set_title(
        "Do intervals hold as often as they say?", color=INK, fontsize=11, loc="left", pad=44
    )
    write_axes(axes, "Level of the interval", "Measurements within it")
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        frameon=False,
        fontsize=9.5,
        labelcolor=INK,
        borderpad=0,
        borderaxespad=0.4,
    )
