"""Which NAS-Bench-201 cells compute the same function, by a structural hash.

Dong & Yang (ICLR 2020, section 3.2) note that of the 15,625 strings fewer than half are
different networks. Dead edges, edges that carry zeros and the order of the two inner nodes
where nothing joins them change the string and not the function.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from help_core.arrays import IntArray
from help_core.spaces.nasbench201.cell import CONV1, CONV3, EDGES, NODES, POOL, SKIP

DISCONNECTED = 0
"""The signature of a cell that nothing flows through."""

_INPUT = np.uint64(0x9E3779B97F4A7C15)
_SALTS = {CONV1: 0x3C6EF372FE94F82B, CONV3: 0x1F83D9ABFB41BD6B, POOL: 0x5BE0CD19137E2179}


def cell_signatures(genes: IntArray) -> NDArray[np.uint64]:
    """A 64-bit signature ``[n]`` of genotypes ``[n, 6]``, equal for equal functions.

    The cell is run on hashes instead of tensors: a skip passes its hash on, another
    operation scrambles it, and nodes add, so that order does not matter. Zero stands for
    the tensor of zeros. A convolution of zeros counts as zeros, although a trained bias
    could shift it; the reference accuracies hardly tell the two apart.
    """
    values = np.zeros((genes.shape[0], NODES), dtype=np.uint64)
    values[:, 0] = _INPUT
    for edge, (source, target) in enumerate(EDGES):
        before, operation = values[:, source], genes[:, edge]
        after = np.where(operation == SKIP, before, np.uint64(0))
        for worker, salt in _SALTS.items():
            chosen = (operation == worker) & (before != 0)
            after = np.where(chosen, _scramble(before + np.uint64(salt)), after)
        values[:, target] += after
    return values[:, NODES - 1]


def _scramble(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea & Flood, OOPSLA 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = value ^ (value >> np.uint64(31))
    return mixed
