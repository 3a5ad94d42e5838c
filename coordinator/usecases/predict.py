"""Predictions and searches on the last adaptation of a device, without new measurements."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from coordinator.clock import Clock
from coordinator.store import Store
from coordinator.usecases.candidates import Knowledge, Scored, load_knowledge, score_space
from help_core.errors import BadInput, NotFound
from help_core.predictors.base import AdaptedPredictor, Prediction, Support
from help_core.records import LimitOutcome, Pick, Verdict
from help_core.spaces import Architecture, parse_architecture


class Predicting:
    """The use cases ``predict`` and ``search``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def predict(
        self, device: str, names: Sequence[str]
    ) -> tuple[list[Architecture], Prediction, str]:
        """Architectures, their predictions and the predictor's name.

        Raises ``NotFound`` if the device was never adapted in the architectures' space.
        """
        return await asyncio.to_thread(self._predict, device, names)

    def _predict(
        self, device: str, names: Sequence[str]
    ) -> tuple[list[Architecture], Prediction, str]:
        if not names:
            raise BadInput("name at least one architecture to predict")
        architectures = [parse_architecture(name) for name in names]
        spaces = {architecture.space for architecture in architectures}
        if len(spaces) > 1:
            raise BadInput(
                f"architectures of several spaces: {', '.join(sorted(spaces))}; ask for one"
            )
        knowledge, adapted = self._adapted(device, spaces.pop())
        prediction = adapted.predict(knowledge.space.to_genes(architectures))
        return architectures, prediction, knowledge.predictor.name

    async def search(
        self, device: str, space: str, limits_ms: Sequence[float], top: int
    ) -> tuple[list[Pick], list[LimitOutcome]]:
        """The most accurate architectures predicted within each limit."""
        return await asyncio.to_thread(self._search, device, space, limits_ms, top)

    def _search(
        self, device: str, space: str, limits_ms: Sequence[float], top: int
    ) -> tuple[list[Pick], list[LimitOutcome]]:
        if not limits_ms or not all(np.isfinite(limit) and limit > 0 for limit in limits_ms):
            raise BadInput("give at least one latency limit above 0 ms")
        knowledge, adapted = self._adapted(device, space)
        scored = score_space(knowledge, adapted, np.random.default_rng(0))
        picks: list[Pick] = []
        outcomes: list[LimitOutcome] = []
        for limit in sorted(set(limits_ms)):
            found = _best_within(scored, limit, max(top, 1))
            picks += found
            outcomes.append(_outcome(scored, limit, met=bool(found)))
        return picks, outcomes

    def _adapted(self, device: str, space: str) -> tuple[Knowledge, AdaptedPredictor]:
        self._store.device(device, self._clock.now_s())
        adaptation = self._store.adaptation(device, space)
        if adaptation is None:
            raise NotFound(
                f"{device} is not adapted in {space} yet;"
                f" run 'help-coord adapt --device {device} --space {space}' first"
            )
        knowledge = load_knowledge(space, adaptation.predictor)
        support = self._support(knowledge, device, adaptation.support)
        return knowledge, knowledge.predictor.adapt(support, np.random.default_rng(adaptation.seed))

    def _support(self, knowledge: Knowledge, device: str, names: Sequence[str]) -> Support:
        latency_ms: dict[str, float] = {}
        valid: set[str] = set()
        for stored in self._store.measurements(device, list(names)):
            is_valid = stored.measurement.verdict is Verdict.VALID
            if is_valid or stored.architecture not in valid:
                latency_ms[stored.architecture] = stored.measurement.summary.median_ms
            if is_valid:
                valid.add(stored.architecture)
        known = [name for name in names if name in latency_ms]
        genes = knowledge.space.to_genes([knowledge.space.parse(name) for name in known])
        return Support(genes, np.array([latency_ms[name] for name in known]))


def _best_within(scored: Scored, limit_ms: float, top: int) -> list[Pick]:
    within = np.flatnonzero(scored.candidates.prediction.latency_ms <= limit_ms)
    ranked = within[np.argsort(-scored.candidates.score[within], kind="stable")]
    return [scored.pick(int(index), limit_ms, None) for index in ranked[:top]]


def _outcome(scored: Scored, limit_ms: float, *, met: bool) -> LimitOutcome:
    if met:
        return LimitOutcome(limit_ms, True, "by prediction alone")
    fastest_ms = float(scored.candidates.prediction.latency_ms.min())
    return LimitOutcome(
        limit_ms, False, f"nothing meets it; the fastest is predicted to take {fastest_ms:.4g} ms"
    )
