"""Networks from HAT's ten features, which are sizes, a depth and averages over layers.

Sizes and depth are in the features as they are. Of feed-forward sizes, heads and spans only
the mean over the layers is, hence the sum: layers with one sum have the same features, the
same parameters and multiply-adds, and the same physics but for which spans are joined. Of all
sequences of layers with that sum one is drawn, each as likely as any other, because HAT drew
the choice of every layer uniformly (``latency_dataset.py``). Layers as even as possible
would tie choices together that are free in the space. The draw is seeded by the features, so
that equal features always give one network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadArchitecture
from help_core.spaces.hat.genes import gene_choices
from help_core.spaces.hat.task import (
    EMBED_DIMS,
    ENCODER_LAYERS,
    MAX_DECODER_LAYERS,
    SPANS,
    HatTask,
)

SLACK = 0.01
"""Of a sum of layers: averages are written as decimal fractions."""
_ENCODER_DEPTH, _DECODER_DEPTH = 1, 5
_WHOLE: Mapping[int, tuple[str, Sequence[int]]] = {
    0: ("encoder embedding size", EMBED_DIMS),
    _ENCODER_DEPTH: ("number of encoder layers", (ENCODER_LAYERS,)),
    4: ("decoder embedding size", EMBED_DIMS),
    _DECODER_DEPTH: ("number of decoder layers", range(1, MAX_DECODER_LAYERS + 1)),
}
"""Columns that are no averages: what they are and what they may be."""


def recover_genes(task: HatTask, features: FloatArray) -> IntArray:
    """Canonical genotypes ``[n, 39]`` whose features are, or are nearest to, ``[n, 10]``.

    Sizes and depths are kept. A sum of layers that the choices of ``task`` cannot reach becomes
    the nearest that they can. Raises ``BadArchitecture`` with the number of the network, from
    1, where a size or a depth is none of HAT's.
    """
    fields = _fields(task)
    rows = [_recover(row, fields, number) for number, row in enumerate(features, 1)]
    return np.array(rows, dtype=np.int64).reshape(-1, len(gene_choices(task)))


def first_unreachable(task: HatTask, features: FloatArray) -> tuple[int, int] | None:
    """Row and column of the first mean of ``[n, 10]`` that no layers of ``task`` have."""
    for column, layers in _fields(task):
        depths = features[:, _depth_column(column)]
        for row, (mean, depth) in enumerate(zip(features[:, column], depths, strict=True)):
            total = mean * depth
            if round(total) not in layers.ways[int(depth)] or abs(total - round(total)) > SLACK:
                return row, column
    return None


@dataclass(frozen=True, slots=True)
class Layers:
    """Sequences of up to six layers, each with one of the choices."""

    choices: tuple[int, ...]
    ways: tuple[Mapping[int, int], ...]
    """``ways[k][total]``: how many sequences of ``k`` layers have that total."""

    @classmethod
    def of(cls, choices: Sequence[int]) -> Layers:
        """Counts the sequences."""
        ways: list[dict[int, int]] = [{0: 1}]
        for _ in range(max(ENCODER_LAYERS, MAX_DECODER_LAYERS)):
            longer: dict[int, int] = {}
            for total, count in ways[-1].items():
                for choice in choices:
                    longer[total + choice] = longer.get(total + choice, 0) + count
            ways.append(longer)
        return cls(tuple(choices), tuple(ways))

    def draw(self, total: float, luck: Sequence[float]) -> list[int]:
        """Indices of choices, one for each number in 0-1 after the first.

        Their sum is the reachable one that is nearest to ``total``.
        """
        left = self._nearest(total, len(luck) - 1, luck[0])
        drawn: list[int] = []
        for after, chance in zip(range(len(luck) - 2, -1, -1), luck[1:], strict=True):
            ways = [self.ways[after].get(left - choice, 0) for choice in self.choices]
            place = int(chance * sum(ways))
            index = next(i for i, upto in enumerate(accumulate(ways)) if place < upto)
            drawn.append(index)
            left -= self.choices[index]
        return drawn

    def _nearest(self, total: float, layers: int, chance: float) -> int:
        distances = {one: abs(one - total) for one in self.ways[layers]}
        least = min(distances.values())
        # Two are as near where the sum lies half-way; always the smaller would be a bias.
        near = sorted(one for one, distance in distances.items() if distance <= least + SLACK)
        return near[int(chance * len(near))]


def _fields(task: HatTask) -> tuple[tuple[int, Layers], ...]:
    """The columns that are means over layers, with what the layers choose from."""
    ffn, heads, spans = (Layers.of(one) for one in (task.ffn_dims, task.heads, SPANS))
    return ((2, ffn), (3, heads), (6, ffn), (7, heads), (8, heads), (9, spans))


def _depth_column(column: int) -> int:
    return _ENCODER_DEPTH if column < _DECODER_DEPTH else _DECODER_DEPTH


def _recover(
    features: FloatArray, fields: tuple[tuple[int, Layers], ...], number: int
) -> list[int]:
    for column, (name, known) in _WHOLE.items():
        if features[column] not in known:
            allowed = ", ".join(map(str, known))
            raise BadArchitecture(
                f"network {number}: {name} {features[column]:g} is not one of {allowed}"
            )
    luck = np.random.default_rng(np.rint(1000 * features).astype(np.int64)).random((6, 7)).tolist()
    depth = int(features[_DECODER_DEPTH])
    genes = [*(EMBED_DIMS.index(int(features[column])) for column in (0, 4)), depth - 1]
    for (column, layers), chances in zip(fields, luck, strict=True):
        count = int(features[_depth_column(column)])
        genes += layers.draw(float(features[column]) * count, chances[: count + 1])
        genes += [0] * (MAX_DECODER_LAYERS - count)
    return genes
