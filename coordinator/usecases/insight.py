"""What the predictor knows of a device, as figures: embedding, predictions, calibration.

Every figure rests on what was kept: the support set of the device's newest answer, and its
measurements. Nothing is measured here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, TypeVar

import numpy as np

from coordinator.clock import Clock
from coordinator.store import SqlStore
from coordinator.usecases.measure import best_of_each
from coordinator.usecases.quantities import latency
from coordinator.usecases.support import support_of
from help_core.arrays import FloatArray
from help_core.errors import NotFound
from help_core.predictors.base import INTERVAL_LEVEL, Predictor
from help_core.predictors.registry import PredictorSource
from help_core.records import (
    AdaptRun,
    Answer,
    Calibration,
    CoveragePoint,
    Embedding,
    Neighbour,
    PredictedPoint,
    RunState,
)
from help_core.records.orders import MEDIAN
from help_core.spaces import GeneSpace, get_gene_space

T = TypeVar("T")

NEAREST = 5
KNOWN_SUPPORTS = 200
MEDIANS = 2000
MIN_SHARED = 3
KEPT_RESULTS = 64
RUNS_AT_ONCE = 100
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class Insight:
    """Called from worker threads; predictors and results are kept while they hold."""

    def __init__(self, store: SqlStore, clock: Clock, predictors: PredictorSource) -> None:
        self._store = store
        self._clock = clock
        self._source = predictors
        self._lock = threading.Lock()
        # Predictors keep what they compute, so each is asked by one thread at a time.
        self._asking = threading.Lock()
        self._predictors: dict[tuple[str, str], Predictor] = {}
        self._results: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def embedding(self, device: str, space_name: str) -> Embedding:
        """Raises ``NotFound`` for a device that was never adapted in the space."""
        run, latencies = self._support(device, space_name)
        others = self._store.runs.supports(space_name, KNOWN_SUPPORTS)
        others.pop(device, None)
        key = ("embedding", run.id, tuple(sorted(others)))
        return self._kept(key, lambda: self._embedding(run, latencies, others))

    def _embedding(
        self,
        run: AdaptRun,
        latencies: Mapping[str, float],
        others: Mapping[str, Mapping[str, float]],
    ) -> Embedding:
        space = get_gene_space(run.order.space)
        own = np.log(np.array(list(latencies.values())))
        rows = [
            neighbour(own, np.log([other.get(name, np.nan) for name in latencies]), name, "fleet")
            for name, other in others.items()
        ]
        for name, column in self._known(run, space, list(latencies)).items():
            rows.append(neighbour(own, np.log(column), name, "training"))
        near = sorted((row for row in rows if row), key=lambda row: row.distance_percent)
        return Embedding(
            device=run.order.device,
            space=space.name,
            architectures=tuple(latencies),
            latency_ms=tuple(latencies.values()),
            relative=tuple(np.exp(own - own.mean()).tolist()),
            nearest=tuple(near[:NEAREST]),
        )

    def _known(
        self, run: AdaptRun, space: GeneSpace, names: Sequence[str]
    ) -> dict[str, FloatArray]:
        """What the training devices' tables say of architectures, as far as they are kept."""
        # Imported late, as scipy below: a coordinator that was killed must be back at once.
        from help_core.predictors.transfer.predictor import TransferPredictor

        predictor = self._predictor(run.order.predictor, space)
        if not isinstance(predictor, TransferPredictor):
            return {}
        with self._asking:
            anchors = predictor.dictionary(space.to_genes([space.parse(one) for one in names]))
        known = anchors.anchors[:, 2:]
        devices = predictor.knowledge.tables.devices
        columns = zip(devices, known.T, strict=True)
        return {name: column for name, column in columns if (column > 0).all()}

    def calibration(self, device: str, space_name: str) -> Calibration:
        """Raises ``NotFound`` for a device that was never adapted in the space."""
        run, latencies = self._support(device, space_name)
        found = self._store.views.medians(device, space_name, MEDIANS)
        measured = {one.architecture: one.latency_ms for one in found}
        rest = {name: value for name, value in measured.items() if name not in latencies}
        key = ("calibration", run.id, hash(tuple(sorted(rest.items()))))
        return self._kept(key, lambda: self._calibration(run, latencies, rest))

    def _calibration(
        self, run: AdaptRun, latencies: Mapping[str, float], rest: Mapping[str, float]
    ) -> Calibration:
        space = get_gene_space(run.order.space)
        predictor = self._predictor(run.order.predictor, space)
        measured = np.array(list(rest.values()))
        points: list[PredictedPoint] = []
        if rest:
            best = best_of_each(self._store.measurements(run.order.device, list(latencies)))
            stored = [best[name] for name in latencies if name in best]
            support = support_of(space, stored, latency(MEDIAN))
            with self._asking:
                adapted = predictor.adapt(support, np.random.default_rng(run.order.seed))
                predicted = adapted.predict(space.to_genes([space.parse(name) for name in rest]))
            columns = (measured, predicted.latency_ms, predicted.low_ms, predicted.high_ms)
            rows = zip(rest, *(column.tolist() for column in columns), strict=True)
            points = [PredictedPoint(*row) for row in rows]
        return Calibration(
            device=run.order.device,
            space=space.name,
            predictor=predictor.name,
            support=len(latencies),
            points=tuple(points),
            coverage=coverage(points),
            spearman=_spearman(points),
            error_percent=_error_percent(points),
        )

    def answer(self, device: str, space_name: str) -> Answer:
        """The newest answer that is kept; raises ``NotFound`` where there is none."""
        return self._newest(device, space_name)[1]

    def _support(self, device: str, space_name: str) -> tuple[AdaptRun, dict[str, float]]:
        run, answer = self._newest(device, space_name)
        own = [point for point in answer.support if point.device in ("", device)]
        return run, {point.architecture: point.latency_ms for point in own}

    def _newest(self, device: str, space_name: str) -> tuple[AdaptRun, Answer]:
        get_gene_space(space_name)
        self._store.device(device, self._clock.now_s())
        run = next(self._done(device, space_name), None)
        answer = None if run is None else self._store.runs.answer(run.id)
        if run is None or answer is None:
            raise NotFound(
                f"{device} has no answer in {space_name} yet; adapt to it first:"
                f" help-coord adapt --device {device} --space {space_name}"
            )
        return run, answer

    def _done(self, device: str, space_name: str) -> Iterator[AdaptRun]:
        """Runs of the space that have an answer, from the newest on."""
        for offset in count(0, RUNS_AT_ONCE):
            found, _ = self._store.runs.find(device, RunState.DONE, RUNS_AT_ONCE, offset)
            if not found:
                return
            yield from (one for one in found if one.order.space == space_name)

    def _predictor(self, name: str, space: GeneSpace) -> Predictor:
        with self._lock:
            if (name, space.name) not in self._predictors:
                self._predictors[name, space.name] = self._source(name, space)
            return self._predictors[name, space.name]

    def _kept(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                kept: T = self._results[key]
                return kept
        made = make()
        with self._lock:
            self._results[key] = made
            if len(self._results) > KEPT_RESULTS:
                self._results.popitem(last=False)
        return made


def neighbour(own: FloatArray, other: FloatArray, name: str, origin: str) -> Neighbour | None:
    """How far a device is in shape, whatever its speed; ``None`` if too little is shared.

    ``own`` and ``other`` are logarithms of latencies ``[k]``, NaN where unknown.
    """
    shared = np.isfinite(other)
    if shared.sum() < MIN_SHARED:
        return None
    shift = own[shared].mean() - other[shared].mean()
    distance = float(np.sqrt(np.mean((own[shared] - other[shared] - shift) ** 2)))
    relative = np.exp(other + shift - own.mean())
    values = tuple(float(one) if np.isfinite(one) else None for one in relative)
    return Neighbour(name, origin, 100 * float(np.expm1(distance)), values)


def coverage(points: Sequence[PredictedPoint]) -> tuple[CoveragePoint, ...]:
    """The share of measurements within the intervals of several levels.

    Intervals of other levels than 90 % are those scaled as a normal distribution's.
    """
    if not points:
        return ()
    from scipy import stats

    ends = [(point.high_ms, point.low_ms) for point in points]
    above = np.array([high for high, _ in ends]) - [point.predicted_ms for point in points]
    below = np.array([point.predicted_ms for point in points]) - [low for _, low in ends]
    error = np.array([point.measured_ms - point.predicted_ms for point in points])
    widths = np.maximum(np.where(error > 0, above, below), 1e-12)
    scaled = np.abs(error) / widths
    full = stats.norm.ppf((1 + INTERVAL_LEVEL) / 2)
    return tuple(
        CoveragePoint(level, float(np.mean(scaled <= stats.norm.ppf((1 + level) / 2) / full)))
        for level in LEVELS
    )


def _spearman(points: Sequence[PredictedPoint]) -> float | None:
    from scipy import stats

    measured = [point.measured_ms for point in points]
    predicted = [point.predicted_ms for point in points]
    if len(set(measured)) < MIN_SHARED or len(set(predicted)) < MIN_SHARED:
        return None
    return float(stats.spearmanr(measured, predicted).statistic)


def _error_percent(points: Sequence[PredictedPoint]) -> float | None:
    if not points:
        return None
    errors = [abs(one.predicted_ms / one.measured_ms - 1) for one in points]
    return 100 * float(np.mean(errors))
