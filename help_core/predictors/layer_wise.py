"""``layer-wise``: a table with the latency of every block, summed over a network's blocks.

The field's lookup table (Cai, Zhu & Han, ICLR 2019; Wu et al., CVPR 2019). Blocks that have
one shape share an entry: the operations of a NAS-Bench-201 cell, the operations of FBNet's
layers of equal shape, elsewhere each choice of each gene. Blocks cannot be taken out of a
network that was measured as a whole, so an entry is a difference:

- on a device, ``support_genes`` asks for networks of a single block, then the next block;
- from any other support the entries follow by least squares, none below zero, drawn towards
  the price of their multiply-adds where there are fewer measurements than blocks.

HELP's Table 2 sums blocks that were timed alone, which also counts what every call costs
besides its work; differences within networks do not, and so come out ahead of its row.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import nnls

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput
from help_core.predictors.base import Prediction, Support
from help_core.predictors.flops import multiply_adds
from help_core.predictors.intervals import relative_interval
from help_core.spaces.base import GeneSpace, sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.fbnet.layers import SKIP as FBNET_SKIP
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.nasbench201.cell import EDGES, NODES, NONE
from help_core.spaces.nasbench201.cell import SKIP as CELL_SKIP

PENALTIES = np.logspace(-4, 2, 13)
LEAST_SHARE = 0.01
"""No network is predicted faster than this share of the mean of the support."""


@dataclass(frozen=True, slots=True)
class LayerWisePredictor:
    """Counts a network's blocks and prices them from the support."""

    space: GeneSpace
    name: str = "layer-wise"
    _columns: IntArray = field(init=False, repr=False, compare=False)
    _work: FloatArray = field(init=False, repr=False, compare=False)
    """Multiply-adds that each block adds to the network without it, ``[blocks]``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_columns", _block_columns(self.space))
        object.__setattr__(self, "_work", self._block_work())

    def support_genes(self, count: int, rng: np.random.Generator) -> IntArray:
        """Networks of one block each, then random ones; ``[count, genes]``."""
        singles = self.space.canonical(_single_blocks(self.space))
        _, first = np.unique(singles, axis=0, return_index=True)
        singles = singles[np.sort(first)]
        known = {row.tobytes() for row in singles}
        drawn = sample_genes(self.space, count + len(singles), rng)
        others = [row for row in drawn if row.tobytes() not in known]
        return np.stack([*singles, *others])[:count]

    def adapt(self, support: Support, rng: np.random.Generator) -> AdaptedLayerWise:
        """The table of one device; raises ``BadInput`` under 2 support points."""
        if len(support) < 2:
            raise BadInput(f"layer-wise needs at least 2 support points, got {len(support)}")
        counts = self.blocks(support.genes)
        scale_ms = float(support.latency_ms.mean())
        fixed, prices, left_out = _fit(counts, self._work, support.latency_ms / scale_ms)
        fitted = scale_ms * np.maximum(left_out, LEAST_SHARE)
        half_width = min(relative_interval(fitted, support.latency_ms, 1), 1.0)
        return AdaptedLayerWise(self, fixed * scale_ms, prices * scale_ms, scale_ms, half_width)

    def blocks(self, genes: IntArray) -> FloatArray:
        """How often each entry of the table is in each network, ``[n, blocks]``."""
        canonical = self.space.canonical(genes)
        offsets = np.cumsum((0, *self.space.gene_choices[:-1]))
        columns = self._columns[canonical + offsets]
        counts = np.zeros((len(genes), int(self._columns.max()) + 1))
        rows, places = np.nonzero(columns >= 0)
        np.add.at(counts, (rows, columns[rows, places]), 1.0)
        return counts

    def _block_work(self) -> FloatArray:
        singles = self.space.canonical(_single_blocks(self.space))
        counts, work = self.blocks(singles), multiply_adds(self.space, singles)
        added = (counts[1:] - counts[0]).argmax(axis=1)
        blocks = np.zeros(counts.shape[1])
        blocks[added] = np.maximum(work[1:] - work[0], 0)
        return blocks


@dataclass(frozen=True, slots=True)
class AdaptedLayerWise:
    """The table of one device."""

    parent: LayerWisePredictor
    fixed_ms: float
    """What a network without blocks takes."""
    block_ms: FloatArray
    """``[blocks]``"""
    scale_ms: float
    half_width: float

    def predict(self, genes: IntArray) -> Prediction:
        """Latencies of genotypes ``[n, genes]``."""
        summed = self.fixed_ms + self.parent.blocks(genes) @ self.block_ms
        latency_ms = np.maximum(summed, LEAST_SHARE * self.scale_ms)
        margin = self.half_width * latency_ms
        return Prediction(latency_ms, latency_ms - margin, latency_ms + margin)


def _block_columns(space: GeneSpace) -> IntArray:
    """The table's column of every choice of every gene, ``[sum of choices]``; -1 is no block."""
    keys: list[Hashable] = [
        _block_key(space, gene, choice)
        for gene, choices in enumerate(space.gene_choices)
        for choice in range(choices)
    ]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(filter(None, keys)))}
    return np.array([-1 if key is None else numbers[key] for key in keys], dtype=np.int64)


def _block_key(space: GeneSpace, gene: int, choice: int) -> Hashable:
    """Equal for blocks of one shape; ``None`` where the choice builds nothing."""
    if isinstance(space, NasBench201):
        return None if choice == NONE else ("edge", choice)
    if isinstance(space, FBNet):
        return (space.skeleton.layers()[gene], choice)
    return (gene, choice)


def _single_blocks(space: GeneSpace) -> IntArray:
    """The network without blocks, then with each block of the table once."""
    genes = len(space.gene_choices)
    if isinstance(space, NasBench201):
        # The edge from the cell's input to its output: the network stays connected.
        whole = EDGES.index((0, NODES - 1))
        operations = [CELL_SKIP, *(c for c in range(1, space.gene_choices[0]) if c != CELL_SKIP)]
        cells = np.full((len(operations), genes), NONE, dtype=np.int64)
        cells[:, whole] = operations
        return cells
    empty = np.full(genes, FBNET_SKIP if isinstance(space, FBNet) else 0, dtype=np.int64)
    return np.stack([empty, *_changed_once(space, empty)])


def _changed_once(space: GeneSpace, empty: IntArray) -> Sequence[IntArray]:
    """``empty`` with one block of every shape in the place of its choice."""
    columns = _block_columns(space)
    offsets = np.cumsum((0, *space.gene_choices[:-1]))
    seen = {int(column) for column in columns[empty + offsets]}
    networks = []
    for gene, choices in enumerate(space.gene_choices):
        for choice in range(choices):
            column = int(columns[offsets[gene] + choice])
            if column not in seen:
                seen.add(column)
                changed = empty.copy()
                changed[gene] = choice
                networks.append(changed)
    return networks


def _fit(
    counts: FloatArray, work: FloatArray, target: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Fixed part, prices ``[blocks]`` and leave-one-out predictions ``[k]``.

    A priori half of the latency is in the blocks, in proportion to their work.
    """
    prior = work * target.mean() / 2 / max(float((counts @ work).mean()), 1e-9)
    x = np.column_stack([counts, np.ones(len(counts))])
    shrunk = np.append(np.ones(len(work)), 1e-3)
    prior_weights = np.append(prior, target.mean() / 2)
    residual = target - x @ prior_weights
    fits: list[tuple[float, float, FloatArray]] = []
    for penalty in PENALTIES:
        inverse = np.linalg.inv(x.T @ x + np.diag(penalty * shrunk))
        leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
        error = (residual - x @ (inverse @ (x.T @ residual))) / np.maximum(1 - leverage, 1e-12)
        fits.append((float((error**2).mean()), float(penalty), error))
    _, penalty, error = min(fits, key=lambda fit: fit[0])
    root = np.sqrt(penalty * shrunk)
    weights, _ = nnls(np.vstack([x, np.diag(root)]), np.concatenate([target, root * prior_weights]))
    return float(weights[-1]), np.asarray(weights[:-1]), target - error
