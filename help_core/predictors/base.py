"""What every latency predictor offers: ``adapt`` to a support set, then ``predict``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput

INTERVAL_LEVEL = 0.9
"""Probability that the interval of a ``Prediction`` is meant to hold."""


@dataclass(frozen=True, slots=True)
class Support:
    """All that a predictor may know of a device: a few architectures with their latencies.

    ``genes`` is ``[k, genes]``; ``latency_ms`` is ``[k]``, finite and positive.
    """

    genes: IntArray
    latency_ms: FloatArray
    error_ms: FloatArray | None = None
    """Standard error of each latency, ``[k]``, where the measurements tell it."""
    pruned: bool | None = None
    """Whether what was measured lacked operations without effect, where that is known."""

    def __post_init__(self) -> None:
        if self.genes.ndim != 2 or self.latency_ms.shape != (self.genes.shape[0],):
            raise BadInput(
                f"support of {self.genes.shape} genotypes and {self.latency_ms.shape} latencies"
                " does not match; give one latency per architecture"
            )
        if not (np.isfinite(self.latency_ms).all() and (self.latency_ms > 0).all()):
            raise BadInput("support latencies must be finite and above 0 ms; drop what failed")
        if self.error_ms is not None and not (
            self.error_ms.shape == self.latency_ms.shape
            and np.isfinite(self.error_ms).all()
            and (self.error_ms >= 0).all()
        ):
            raise BadInput("support errors must be finite, not negative, and one per latency")

    def __len__(self) -> int:
        return len(self.latency_ms)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predicted latencies ``[n]`` in ms with the bounds of their 90 % intervals."""

    latency_ms: FloatArray
    low_ms: FloatArray
    high_ms: FloatArray


@runtime_checkable
class AdaptedPredictor(Protocol):
    """A predictor that knows one device."""

    def predict(self, genes: IntArray) -> Prediction:
        """Latencies of genotypes ``[n, genes]``."""


@runtime_checkable
class Predictor(Protocol):
    """A predictor for one search space that can be adapted to any device."""

    @property
    def name(self) -> str:
        """As on the command line: ``help``, ``transfer``, ``flops`` …"""

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        """The ``count`` architectures ``[count, genes]`` it wants measured on a new device."""

    def adapt(self, support: Support, rng: np.random.Generator) -> AdaptedPredictor:
        """The predictor of the device that the support set was measured on.

        Raises ``BadInput`` if the support is too small for the method.
        """
