"""How good predicted latencies are: ranks, errors, and whether the intervals hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy import stats

from help_core.arrays import FloatArray
from help_core.errors import BadInput
from help_core.predictors.base import Prediction


@dataclass(frozen=True, slots=True)
class Scores:
    """Agreement of predictions with measured latencies; shares lie between 0 and 1."""

    spearman: float
    kendall: float
    """Kendall's τ-b, which corrects for ties (whole milliseconds have many)."""
    mape_percent: float
    within_5_percent: float
    within_10_percent: float
    coverage_90: float
    """Share of measured latencies inside the 90 % interval."""


def score(prediction: Prediction, latency_ms: FloatArray) -> Scores:
    """Scores of predictions ``[n]`` against measured latencies ``[n]``.

    A predictor that gives every architecture the same latency ranks nothing and scores 0.
    Raises ``BadInput`` where a score is undefined: fewer than two latencies, a constant
    column, predictions that are not finite.
    """
    _check(prediction, latency_ms)
    error = np.abs(prediction.latency_ms - latency_ms) / latency_ms
    inside = (prediction.low_ms <= latency_ms) & (latency_ms <= prediction.high_ms)
    constant = bool(np.ptp(prediction.latency_ms) == 0)
    return Scores(
        spearman=0.0 if constant else _spearman(prediction.latency_ms, latency_ms),
        kendall=0.0 if constant else _kendall(prediction.latency_ms, latency_ms),
        mape_percent=float(100 * error.mean()),
        within_5_percent=float((error <= 0.05).mean()),
        within_10_percent=float((error <= 0.10).mean()),
        coverage_90=float(inside.mean()),
    )


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """The mean of each score; the sequence must not be empty."""
    names = [field.name for field in fields(Scores)]
    return Scores(**{name: float(np.mean([getattr(s, name) for s in scores])) for name in names})


def _spearman(predicted: FloatArray, measured: FloatArray) -> float:
    return float(np.corrcoef(stats.rankdata(predicted), stats.rankdata(measured))[0, 1])


def _kendall(predicted: FloatArray, measured: FloatArray) -> float:
    return float(stats.kendalltau(predicted, measured).statistic)


def _check(prediction: Prediction, latency_ms: FloatArray) -> None:
    if len(latency_ms) < 2:
        raise BadInput(f"{len(latency_ms)} latencies cannot be ranked; query at least two")
    if np.ptp(latency_ms) == 0:
        raise BadInput(
            f"all {len(latency_ms)} latencies are {latency_ms[0]:g} ms, which nothing can rank;"
            " leave the device out or measure it at a finer resolution"
        )
    for name in ("latency_ms", "low_ms", "high_ms"):
        if not np.isfinite(getattr(prediction, name)).all():
            raise BadInput(f"the predictor returned {name} that are not finite")
