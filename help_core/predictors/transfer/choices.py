"""The choices of genotypes as 0 and 1."""

from __future__ import annotations

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.base import GeneSpace


def one_hot(space: GeneSpace, genes: IntArray) -> FloatArray:
    """Choices of canonical genotypes ``[n, genes]`` as 0 and 1, ``[n, sum of choices]``."""
    offsets = np.cumsum((0, *space.gene_choices[:-1]))
    canonical = space.canonical(genes)
    hot = np.zeros((len(genes), sum(space.gene_choices)))
    hot[np.arange(len(genes))[:, None], canonical + offsets] = 1
    return hot
