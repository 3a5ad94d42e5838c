"""Checks that every gene space makes of the genotypes it is given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from help_core.arrays import IntArray
from help_core.errors import BadArchitecture


def checked_genes(space: str, genes: IntArray, choices: Sequence[int]) -> IntArray:
    """``genes`` as ``[n, len(choices)]``; raises ``BadArchitecture`` with the first bad gene.

    One genotype ``[genes]`` is taken as a batch of one.
    """
    rows = np.atleast_2d(np.asarray(genes))
    if rows.ndim != 2 or rows.shape[1] != len(choices):
        raise BadArchitecture(
            f"{space}: genotypes of shape {np.shape(genes)} given; "
            f"they have {len(choices)} genes each"
        )
    if rows.size == 0:
        return rows.astype(np.int64)
    if not np.issubdtype(rows.dtype, np.integer):
        raise BadArchitecture(f"{space}: genes are integers, not {rows.dtype}")
    bad = np.argwhere((rows < 0) | (rows >= np.asarray(choices)))
    if bad.size:
        row, gene = (int(index) for index in bad[0])
        raise BadArchitecture(
            f"{space}: gene {gene} of genotype {row} is {rows[row, gene]}; "
            f"it must lie in 0-{choices[gene] - 1}"
        )
    return rows.astype(np.int64)
