"""Which architectures to measure: those that tell most about all the others.

Greedy variance reduction under the prior (or, sequentially, under what it has become after
the measurements so far), as in Krause, Singh & Guestrin, JMLR 2008, with the part of the mean
variance over the candidates that can change their ranking instead of mutual information.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.predictors.transfer.dictionary import Dictionary
from help_core.predictors.transfer.prior import Draws
from help_core.predictors.transfer.readings import Reading

Read: TypeAlias = Callable[[IntArray, Reading], Dictionary]
"""Makes the dictionary of what a device with that reading executes of genotypes."""

EXTREMES = 0.06
"""Share of the fastest and of the slowest candidates that is never measured.

Networks that a runtime can fold away (disconnected cells) tell nothing about the others.
"""
ANCHOR_SHARE = 0.25
"""Standard deviation of the weights of single training devices, for choosing."""


@dataclass(frozen=True, slots=True)
class Belief:
    """What is held possible of a device."""

    draws: Draws
    weight: FloatArray
    """Of the draws, ``[m]``."""
    shares: Mapping[Reading, float]

    @property
    def noise(self) -> float:
        """Relative standard deviation of a measurement in a typical draw."""
        return float(np.exp(self.weight @ np.log(self.draws.noise)))

    def features(self, read: Read, genes: IntArray) -> FloatArray:
        """Features ``[n, d]`` whose inner products are the covariance of latencies.

        Of a mixture of readings that is the mean of theirs, and what the readings
        themselves leave open.
        """
        dictionaries = {reading: read(genes, reading) for reading in self.shares}
        parts = [
            np.sqrt(share) * prior_features(dictionaries[reading], self.draws, self.weight)
            for reading, share in self.shares.items()
        ]
        mean = sum(share * dictionaries[one].anchors[:, :1] for one, share in self.shares.items())
        parts += [
            np.sqrt(share) * (dictionaries[one].anchors[:, :1] - mean)
            for one, share in self.shares.items()
        ]
        return np.column_stack(parts)


def prior_features(dictionary: Dictionary, draws: Draws, weight: FloatArray) -> FloatArray:
    """Features ``[n, d]`` whose inner products are the prior covariance of a typical draw.

    Typical is the geometric mean: the widest draws would otherwise choose for all.
    """
    scale = np.exp(weight @ np.log(draws.scales))
    columns = dictionary.columns.shape[1]
    parts = [dictionary.columns * scale[:columns]]
    parts += [field * one for field, one in zip(dictionary.fields, scale[columns:], strict=True)]
    if dictionary.anchors.shape[1] > 1:
        anchors = dictionary.anchors - dictionary.anchors.mean(axis=1, keepdims=True)
        parts.append(anchors * (ANCHOR_SHARE / np.sqrt(anchors.shape[1])))
    return np.column_stack(parts)


def typical(mean_device: FloatArray, wanted: int) -> IntArray:
    """Rows of candidates ``[n]`` that are neither among the fastest nor the slowest.

    All of them, if fewer than ``wanted`` would be left.
    """
    low, high = np.quantile(mean_device, [EXTREMES, 1 - EXTREMES])
    rows = np.flatnonzero((mean_device >= low) & (mean_device <= high))
    return rows if len(rows) >= wanted else np.arange(len(mean_device))


def choose(
    features: FloatArray,
    noise: FloatArray,
    count: int,
    mean_device: FloatArray,
    measured: FloatArray | None = None,
) -> IntArray:
    """Rows of ``features [n, d]`` to measure, best first, each with noise variance ``[n]``.

    ``mean_device`` is how long it takes over each, ``[n]``.
    ``measured`` holds the features ``[k, d]`` of what has been measured already.
    """
    covariance = features @ features.T
    if measured is not None and len(measured):
        cross = features @ measured.T
        inner = measured @ measured.T + float(np.median(noise)) * np.eye(len(measured))
        covariance = covariance - cross @ np.linalg.solve(inner, cross.T)
    ranking = _that_ranks(covariance, mean_device)
    picked: list[int] = []
    for _ in range(count):
        gain = (ranking**2).sum(axis=0) / (np.diag(covariance) + noise)
        gain[picked] = -1
        pick = int(np.argmax(gain))
        picked.append(pick)
        share = covariance[:, pick] / (covariance[pick, pick] + noise[pick])
        ranking = ranking - np.outer(ranking[:, pick], share)
        covariance = covariance - np.outer(covariance[:, pick], share)
    return np.array(picked, dtype=np.int64)


def _that_ranks(covariance: FloatArray, mean_device: FloatArray) -> FloatArray:
    """The rows of a covariance ``[n, n]`` less what hardly changes a ranking.

    That is doubt about the offset, and about how many times slower than the mean device all
    are. The second matters where the device also differs otherwise; counting it in full, in
    half or not at all made no clear difference on training devices left out.
    """
    harmless = np.linalg.qr(np.column_stack([np.ones(len(mean_device)), mean_device]))[0]
    ranking: FloatArray = covariance - harmless @ (harmless.T @ covariance)
    return ranking
