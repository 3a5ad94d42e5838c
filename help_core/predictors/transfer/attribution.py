"""Where the mean device spends its time: by operation, and by place in the network.

The latency of the mean device is split into one cost per gene and choice. A new device may
be slower at one kind of choice everywhere, or in one part of the network; both are sums of
those costs, and neither can be said by scaling whole training devices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray
from help_core.spaces.base import GeneSpace

PENALTY = 1e-5
DEPTH_LENGTH = 4.0
"""In genes: neighbouring layers slow down together."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Costs per gene and choice, and two ways of summing them."""

    costs: FloatArray
    """``[sum of choices]``, about the mean of the reference architectures."""
    by_choice: FloatArray
    """``[sum of choices, kinds of choice]``, 0 and 1."""
    by_gene: FloatArray
    """``[sum of choices, genes]``: the gene of a choice, smoothed along the network."""

    @classmethod
    def fit(cls, space: GeneSpace, hot: FloatArray, latency: FloatArray) -> Attribution:
        """Ridge regression of latencies ``[n]`` on choices ``[n, sum of choices]``."""
        centred = hot - hot.mean(axis=0)
        gram = centred.T @ centred + PENALTY * len(hot) * np.eye(hot.shape[1])
        costs = np.linalg.solve(gram, centred.T @ (latency - latency.mean()))
        return cls(costs, _choice_groups(space), _smooth_genes(space))

    def features(self, hot: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Cost by kind of choice ``[n, kinds]`` and along the genes ``[n, genes]``."""
        spent = hot * self.costs
        return spent @ self.by_choice, spent @ self.by_gene


def _choice_groups(space: GeneSpace) -> FloatArray:
    """Choice ``c`` means the same in all genes that have equally many choices."""
    labels = [(count, choice) for count in space.gene_choices for choice in range(count)]
    kinds = sorted(set(labels))
    groups = np.zeros((len(labels), len(kinds)))
    groups[np.arange(len(labels)), [kinds.index(label) for label in labels]] = 1
    return groups


def _smooth_genes(space: GeneSpace) -> FloatArray:
    counts = np.array(space.gene_choices)
    position = np.arange(len(counts))
    kernel = np.exp(-0.5 * ((position[:, None] - position) / DEPTH_LENGTH) ** 2)
    kernel = np.where(counts[:, None] == counts, kernel, 0) + 1e-6 * np.eye(len(counts))
    smooth: FloatArray = np.repeat(np.linalg.cholesky(kernel), counts, axis=0)
    return smooth
