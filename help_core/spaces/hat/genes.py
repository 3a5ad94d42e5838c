"""Genotypes of HAT networks: what each gene means, for one network and for many at once.

A genotype is the encoder's and the decoder's embedding size and the decoder's depth, then for
each encoder layer its feed-forward size and its heads, then for each of six decoder layers its
feed-forward size, the heads of its two attentions and how many encoder layers it attends to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import IntArray
from help_core.spaces.hat.task import (
    EMBED_DIMS,
    ENCODER_LAYERS,
    MAX_DECODER_LAYERS,
    SPANS,
    HatTask,
)

_ENCODER_FFN = 3
_ENCODER_HEADS = _ENCODER_FFN + ENCODER_LAYERS
_DECODER_FFN = _ENCODER_HEADS + ENCODER_LAYERS
_DECODER_HEADS = _DECODER_FFN + MAX_DECODER_LAYERS
_CROSS_HEADS = _DECODER_HEADS + MAX_DECODER_LAYERS
_SPAN = _CROSS_HEADS + MAX_DECODER_LAYERS
GENES = _SPAN + MAX_DECODER_LAYERS


@dataclass(frozen=True, slots=True)
class Choices:
    """Genotypes in their own units; ``n`` networks, ``L`` layers of the part (6).

    Decoder entries beyond ``decoder_layers`` are 0 and mean nothing.
    """

    encoder_dim: IntArray
    """``[n]``"""
    decoder_dim: IntArray
    """``[n]``"""
    decoder_layers: IntArray
    """``[n]``, 1 to 6"""
    encoder_ffn: IntArray
    """``[n, L]``"""
    encoder_heads: IntArray
    """``[n, L]``"""
    decoder_ffn: IntArray
    """``[n, L]``"""
    decoder_heads: IntArray
    """``[n, L]``: self-attention"""
    cross_heads: IntArray
    """``[n, L]``: encoder-decoder attention"""
    spans: IntArray
    """``[n, L]``: encoder layers attended to, 1 to 3"""


def gene_choices(task: HatTask) -> tuple[int, ...]:
    """Number of choices of each gene."""
    ffn, heads = len(task.ffn_dims), len(task.heads)
    return (
        len(EMBED_DIMS),
        len(EMBED_DIMS),
        MAX_DECODER_LAYERS,
        *[ffn] * ENCODER_LAYERS,
        *[heads] * ENCODER_LAYERS,
        *[ffn] * MAX_DECODER_LAYERS,
        *[heads] * 2 * MAX_DECODER_LAYERS,
        *[len(SPANS)] * MAX_DECODER_LAYERS,
    )


def canonical_genes(genes: IntArray) -> IntArray:
    """Genotypes ``[n, 39]`` with the genes of decoder layers beyond the depth set to zero."""
    absent = np.arange(MAX_DECODER_LAYERS) > genes[:, 2:3]
    canonical = genes.copy()
    for start in (_DECODER_FFN, _DECODER_HEADS, _CROSS_HEADS, _SPAN):
        canonical[:, start : start + MAX_DECODER_LAYERS][absent] = 0
    return canonical


def decode(task: HatTask, genes: IntArray) -> Choices:
    """What genotypes ``[n, 39]`` choose."""
    dims, ffn, heads = np.array(EMBED_DIMS), np.array(task.ffn_dims), np.array(task.heads)
    present = np.arange(MAX_DECODER_LAYERS) <= genes[:, 2:3]

    def layers(start: int, values: IntArray) -> IntArray:
        chosen: IntArray = values[genes[:, start : start + MAX_DECODER_LAYERS]]
        return chosen

    return Choices(
        encoder_dim=dims[genes[:, 0]],
        decoder_dim=dims[genes[:, 1]],
        decoder_layers=genes[:, 2] + 1,
        encoder_ffn=layers(_ENCODER_FFN, ffn),
        encoder_heads=layers(_ENCODER_HEADS, heads),
        decoder_ffn=layers(_DECODER_FFN, ffn) * present,
        decoder_heads=layers(_DECODER_HEADS, heads) * present,
        cross_heads=layers(_CROSS_HEADS, heads) * present,
        spans=layers(_SPAN, np.array(SPANS)) * present,
    )
