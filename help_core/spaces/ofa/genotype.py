"""Genotypes of OFA-MobileNetV3, their string, and once-for-all's dictionary.

A genotype is 46 indices: 20 kernel sizes, 20 expansion ratios, 5 depths, 1 resolution. The
string names the layers that exist, stage by stage, one digit a layer:
``r224;d2,3,2,4,3;k57,553,37,7553,777;e43,444,63,3334,366``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from help_core.arrays import IntArray
from help_core.errors import BadArchitecture
from help_core.spaces.ofa.layers import (
    DEPTHS,
    EXPANSIONS,
    KERNELS,
    LAYERS,
    LAYERS_PER_STAGE,
    RESOLUTIONS,
    STAGES,
)

GENE_CHOICES = (
    (len(KERNELS),) * LAYERS
    + (len(EXPANSIONS),) * LAYERS
    + (len(DEPTHS),) * STAGES
    + (len(RESOLUTIONS),)
)
KERNEL = slice(0, LAYERS)
EXPANSION = slice(LAYERS, 2 * LAYERS)
DEPTH = slice(2 * LAYERS, 2 * LAYERS + STAGES)
RESOLUTION = 2 * LAYERS + STAGES

_TEXT = re.compile(r"r([0-9]{3});d([0-9,]+);k([0-9,]+);e([0-9,]+)")
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Block:
    """A layer that exists."""

    kernel: int
    expansion: int


def active_layers(genes: IntArray) -> IntArray:
    """1 where a layer lies within the depth of its stage, otherwise 0; ``[n, 20]``."""
    depths = np.asarray(DEPTHS)[genes[:, DEPTH]]
    position = np.arange(LAYERS_PER_STAGE)
    active: IntArray = (position < depths[:, :, None]).astype(np.int64)
    return active.reshape(-1, LAYERS)


def canonical_genes(genes: IntArray) -> IntArray:
    """Kernel and expansion of layers beyond the depth set to index 0; ``[n, 46]``."""
    result = genes.copy()
    active = active_layers(genes)
    result[:, KERNEL] *= active
    result[:, EXPANSION] *= active
    return result


def stage_blocks(genes: Sequence[int]) -> tuple[tuple[Block, ...], ...]:
    """The blocks of each stage of one genotype."""
    stages: list[tuple[Block, ...]] = []
    for stage, depth in enumerate(genes[DEPTH]):
        first = stage * LAYERS_PER_STAGE
        layers = range(first, first + DEPTHS[depth])
        stages.append(
            tuple(
                Block(KERNELS[genes[layer]], EXPANSIONS[genes[LAYERS + layer]]) for layer in layers
            )
        )
    return tuple(stages)


def format_genes(genes: Sequence[int]) -> str:
    """The string of one genotype."""
    stages = stage_blocks(genes)
    depths = ",".join(str(len(blocks)) for blocks in stages)
    kernels = ",".join("".join(str(block.kernel) for block in blocks) for blocks in stages)
    ratios = ",".join("".join(str(block.expansion) for block in blocks) for blocks in stages)
    return f"r{RESOLUTIONS[genes[RESOLUTION]]};d{depths};k{kernels};e{ratios}"


def parse_genes(text: str) -> tuple[int, ...]:
    """The canonical genotype of a string; raises ``BadArchitecture``."""
    match = _TEXT.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise BadArchitecture(
            f"OFA architecture {text[:60]!r} is not written like "
            "r224;d2,3,2,4,3;k57,553,37,7553,777;e43,444,63,3334,366"
        )
    resolution = _index(int(match[1]), RESOLUTIONS, "resolution")
    depths = [_index(value, DEPTHS, "depth") for value in _numbers(match[2], "depth")]
    layers = [DEPTHS[depth] for depth in depths]
    kernels = _layer_genes(match[3], layers, KERNELS, "kernel size")
    ratios = _layer_genes(match[4], layers, EXPANSIONS, "expansion")
    return (*kernels, *ratios, *depths, resolution)


def _numbers(text: str, what: str) -> list[int]:
    parts = text.split(",")
    if len(parts) != STAGES or not all(len(part) == 1 for part in parts):
        raise BadArchitecture(
            f"OFA {what}s {text[:40]!r}: {STAGES} stages have one digit each, joined by ','"
        )
    return [int(part) for part in parts]


def _layer_genes(text: str, layers: Sequence[int], choices: Sequence[int], what: str) -> list[int]:
    stages = text.split(",")
    if [len(stage) for stage in stages] != list(layers):
        raise BadArchitecture(
            f"OFA {what}s {text[:40]!r}: the stages must have "
            f"{','.join(map(str, layers))} digits, as many as their depths"
        )
    genes: list[int] = []
    for stage in stages:
        found = [_index(int(digit), choices, what) for digit in stage]
        genes += found + [0] * (LAYERS_PER_STAGE - len(found))
    return genes


def _index(value: int, choices: Sequence[int], what: str) -> int:
    if value not in choices:
        known = f"{choices[0]}-{choices[-1]} by 4" if len(choices) > 4 else str(tuple(choices))
        # Python refuses to write integers of thousands of digits.
        shown = value if abs(value) < 10**9 else "that large"
        raise BadArchitecture(f"OFA {what} {shown} is not among {known}")
    return choices.index(value)


def genes_of_config(config: Mapping[str, Any]) -> tuple[int, ...]:
    """The canonical genotype of once-for-all's ``{"ks": [20], "e": [20], "d": [5], "r": 224}``.

    ``r`` may be a list of one, as in DyNAS-T; ``wid`` must be absent, ``None`` or 0. Layers
    beyond the depth may hold any choice. Raises ``BadArchitecture``.
    """
    unknown = sorted(map(str, set(config) - {"ks", "e", "d", "r", "wid"}))
    if unknown:
        raise BadArchitecture(
            f"OFA configuration has the key {unknown[0][:40]!r}; its keys are ks, e, d, r"
        )
    wid = config.get("wid")
    if wid is not None and not (_is_integer(wid) and wid == 0):
        raise BadArchitecture(
            "OFA configuration asks for another 'wid'; widths are spaces of their own "
            "(ofa, ofa-w1.2)"
        )
    resolution = config.get("r")
    if not isinstance(resolution, Sequence):
        resolution = [resolution]
    genes = [
        *_config_genes(config.get("ks"), LAYERS, KERNELS, "ks"),
        *_config_genes(config.get("e"), LAYERS, EXPANSIONS, "e"),
        *_config_genes(config.get("d"), STAGES, DEPTHS, "d"),
        *_config_genes(resolution, 1, RESOLUTIONS, "r"),
    ]
    return tuple(canonical_genes(np.array([genes], dtype=np.int64))[0].tolist())


def config_of_genes(genes: Sequence[int]) -> dict[str, list[int]]:
    """once-for-all's dictionary of one genotype; layers beyond the depth have the first choice."""
    return {
        "ks": [KERNELS[gene] for gene in genes[KERNEL]],
        "e": [EXPANSIONS[gene] for gene in genes[EXPANSION]],
        "d": [DEPTHS[gene] for gene in genes[DEPTH]],
        "r": [RESOLUTIONS[genes[RESOLUTION]]],
    }


def _config_genes(values: Any, count: int, choices: Sequence[int], key: str) -> list[int]:
    listed = isinstance(values, Sequence) and not isinstance(values, str | bytes)
    if not listed or len(values) != count:
        raise BadArchitecture(f"OFA configuration: {key!r} must list {count} numbers")
    for value in values:
        if not _is_integer(value):
            raise BadArchitecture(
                f"OFA configuration: {key!r} holds a {type(value).__name__}, not an integer"
            )
    return [_index(int(value), choices, key) for value in values]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
