"""Predictions on the last adaptation of a device, without new measurements."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from coordinator.clock import Clock
from coordinator.store import Store
from coordinator.usecases.candidates import load_knowledge
from coordinator.usecases.measure import last_adaptation
from coordinator.usecases.quantities import latency
from coordinator.usecases.support import support_of
from help_core.errors import BadInput
from help_core.predictors.base import Prediction
from help_core.predictors.registry import PredictorSource, get_predictor
from help_core.records.orders import MEDIAN
from help_core.spaces import Architecture, parse_architecture


class Predicting:
    """The use case ``predict``."""

    def __init__(
        self, store: Store, clock: Clock, predictors: PredictorSource = get_predictor
    ) -> None:
        self._store = store
        self._clock = clock
        self._predictors = predictors

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
        spaces = sorted({architecture.space for architecture in architectures})
        if len(spaces) > 1:
            raise BadInput(f"architectures of several spaces: {', '.join(spaces)}; ask for one")
        adaptation, measured = last_adaptation(self._store, device, spaces[0], self._clock.now_s())
        knowledge = load_knowledge(self._store, spaces[0], adaptation.predictor, self._predictors)
        space = knowledge.space
        support = support_of(space, list(measured.values()), latency(MEDIAN))
        adapted = knowledge.predictor.adapt(support, np.random.default_rng(adaptation.seed))
        prediction = adapted.predict(space.to_genes(architectures))
        return architectures, prediction, knowledge.predictor.name
