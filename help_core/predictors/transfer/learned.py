"""Prior scales learned from training devices: how much each kind of work ever mattered.

The variance of each term is the one under which all these devices together are most likely
(empirical Bayes), by the multiplicative updates of Zhou, Hu, Zhou & Lange, "MM algorithms for
variance components models", JCGS 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.transfer.dictionary import Dictionary, Layout

STEPS = 60
NOISE = 0.01
"""Relative; what denoised tables may be wrong by."""
START = 0.03
LEAST = 1e-4


def _none() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, slots=True)
class Learned:
    """Standard deviations of the coefficients of a dictionary's terms; empty if not learned."""

    related: FloatArray = field(default_factory=_none)
    """``[terms]``, of devices that deviate from the mean device."""
    unrelated: FloatArray = field(default_factory=_none)
    """``[terms]``, of devices that deviate from the paper machine; 0 for terms of devices."""


@dataclass(frozen=True, slots=True)
class Pupil:
    """A training device in the place of a new one."""

    dictionary: Dictionary
    layout: Layout
    latency: FloatArray
    """Relative, ``[n]``, over the architectures of the dictionary."""


def learn_scales(pupils: Sequence[Pupil], anchor: int, names: Sequence[str]) -> FloatArray:
    """Standard deviations ``[names]`` of the terms of those names, as ``term_names`` gives them.

    ``anchor`` is what the pupils are taken to deviate from.
    """
    squared = np.full(len(names), START**2)
    prepared = [_prepare(pupil, anchor, names) for pupil in pupils]
    for _ in range(STEPS):
        fit, trace = np.zeros(len(names)), np.zeros(len(names))
        for kernels, residual, noise in prepared:
            covariance = (squared @ kernels).reshape(len(residual), -1) + np.diag(noise)
            inverse = np.linalg.inv(covariance)
            solved = inverse @ residual
            fit += kernels @ np.outer(solved, solved).ravel()
            trace += kernels @ inverse.ravel()
        squared *= np.sqrt(np.maximum(fit, 0) / np.maximum(trace, 1e-12))
        squared = np.maximum(squared, LEAST**2)
    scales: FloatArray = np.sqrt(squared)
    return scales


def term_names(layout: Layout) -> tuple[str, ...]:
    """The kind of each term; physics features are told apart, training devices are not."""
    numbers = iter(range(len(layout.terms)))
    return tuple(f"physics {next(numbers)}" if kind == "physics" else kind for kind in layout.terms)


def _prepare(
    pupil: Pupil, anchor: int, names: Sequence[str]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Kernels ``[names, n * n]``, what is to be explained ``[n]``, noise variances ``[n]``."""
    dictionary, terms = pupil.dictionary, term_names(pupil.layout)
    start = dictionary.anchors[:, anchor]
    relative = pupil.latency / np.median(pupil.latency / start)
    rows = [_features(dictionary, _places(terms, name)) for name in names]
    kernels = np.stack([(part @ part.T).ravel() for part in rows])
    return kernels, relative - start, (NOISE * start) ** 2


def _places(terms: Sequence[str], name: str) -> IntArray:
    return np.array([place for place, term in enumerate(terms) if term == name], dtype=np.int64)


def _features(dictionary: Dictionary, places: IntArray) -> FloatArray:
    columns = dictionary.columns.shape[1]
    inside = places[places < columns]
    parts = [dictionary.columns[:, inside]]
    parts += [dictionary.fields[place - columns] for place in places[places >= columns]]
    return np.column_stack(parts)
