"""Parameters, multiply-adds and physics of HAT networks, for many at once.

All counts are of one sentence: the encoder once, the decoder step ``length`` times with a
cache of half the target, the output projection with each step. Batch 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.hat.genes import Choices
from help_core.spaces.hat.network import cache_length
from help_core.spaces.hat.task import ENCODER_LAYERS, QKV_DIM, HatTask


@dataclass(frozen=True, slots=True)
class Work:
    """Multiply-adds of one sentence, by where they are done; ``[n]`` each."""

    encoder: IntArray
    """The layers of the encoder."""
    memory: IntArray
    """Keys and values of encoder-decoder attention, projected once."""
    decoder: IntArray
    """All decoder steps without the output projection."""
    output: IntArray
    """The output projection in all decoder steps."""

    @property
    def total(self) -> IntArray:
        """``[n]``"""
        return self.encoder + self.memory + self.decoder + self.output


def work(task: HatTask, chosen: Choices, beam: int) -> Work:
    """Multiply-adds in matrix products."""
    length, size, inner = task.length, chosen.encoder_dim, chosen.encoder_ffn.sum(axis=1)
    encoder = length * (
        ENCODER_LAYERS * (4 * size * QKV_DIM + 2 * length * QKV_DIM) + 2 * size * inner
    )
    spans, layers = chosen.spans.sum(axis=1), chosen.decoder_layers
    steps, width = beam * length, chosen.decoder_dim
    attention = 2 * QKV_DIM * (layers * (cache_length(task) + 1) + spans * length)
    projections = layers * 6 * width * QKV_DIM + 2 * width * chosen.decoder_ffn.sum(axis=1)
    return Work(
        encoder=encoder,
        memory=2 * size * QKV_DIM * spans * length,
        decoder=steps * (attention + projections),
        output=steps * width * task.target_vocabulary,
    )


@dataclass(frozen=True, slots=True)
class Weights:
    """Parameters by part, biases and layer norms included; ``[n]`` each."""

    encoder: IntArray
    memory: IntArray
    """The two projections that the encoder model does for the decoder."""
    decoder: IntArray
    """Without embeddings and output projection."""
    embeddings: IntArray
    """Both tables and the output projection, counted once where they are one table."""

    @property
    def total(self) -> IntArray:
        """``[n]``"""
        return self.encoder + self.memory + self.decoder + self.embeddings


def weights(task: HatTask, chosen: Choices) -> Weights:
    """Parameters of a network as it would be trained alone.

    Without the embeddings this is what HAT prints as the size of a SubTransformer.
    """
    size, layers, width = chosen.encoder_dim, chosen.decoder_layers, chosen.decoder_dim
    inner, wide = chosen.encoder_ffn.sum(axis=1), chosen.decoder_ffn.sum(axis=1)
    # Per layer: q, k, v and output projections with biases, two layer norms, two feed-forwards.
    encoder = ENCODER_LAYERS * (4 * size * QKV_DIM + 3 * QKV_DIM + size + 4 * size + size)
    attentions = 6 * width * QKV_DIM + 4 * QKV_DIM + 2 * width
    if task.shared_embeddings:
        embeddings = np.maximum(size, width) * task.target_vocabulary
    else:
        embeddings = size * task.source_vocabulary + 2 * width * task.target_vocabulary
    return Weights(
        encoder=encoder + 2 * size * inner + inner,
        memory=layers * 2 * QKV_DIM * (size + 1),
        decoder=layers * (attentions + 6 * width + width) + 2 * width * wide + wide,
        embeddings=embeddings,
    )


def hat_features(chosen: Choices) -> FloatArray:
    """HAT's ten features ``[n, 10]``, the first columns of its latency tables.

    Encoder size, layers, mean feed-forward size and mean heads; decoder size, layers, mean
    feed-forward size, mean heads of self- and of encoder-decoder attention, mean number of
    encoder layers attended to. HELP feeds the same.
    """
    layers = chosen.decoder_layers.astype(np.float64)
    return np.column_stack(
        [
            chosen.encoder_dim,
            np.full(len(layers), float(ENCODER_LAYERS)),
            chosen.encoder_ffn.mean(axis=1),
            chosen.encoder_heads.mean(axis=1),
            chosen.decoder_dim,
            layers,
            chosen.decoder_ffn.sum(axis=1) / layers,
            chosen.decoder_heads.sum(axis=1) / layers,
            chosen.cross_heads.sum(axis=1) / layers,
            chosen.spans.sum(axis=1) / layers,
        ]
    )


def physics(task: HatTask, chosen: Choices, beam: int) -> FloatArray:
    """What the hardware has to do, per class of work; ``[n, 17]``.

    Columns: multiply-adds of encoder, memory, decoder steps and output projection, in millions
    of one sentence; weights of encoder (with memory), decoder and output projection, in
    millions, which a decoder reads anew at each step; activations of the encoder and of all
    decoder steps, in millions; elements of the caches read in all steps, in millions; nodes
    run, encoder and all steps, in thousands; attention heads of encoder, of decoder
    self-attention and of encoder-decoder attention, summed over layers; spans, summed; decoder
    layers; distinct spans joined.
    """
    done, held = work(task, chosen, beam), weights(task, chosen)
    length, layers = task.length, chosen.decoder_layers
    spans = chosen.spans.sum(axis=1)
    encoder_values = length * (
        ENCODER_LAYERS * (8 * chosen.encoder_dim + 4 * QKV_DIM)
        + 2 * chosen.encoder_ffn.sum(axis=1)
        + 2 * length * chosen.encoder_heads.sum(axis=1)
    )
    step_values = beam * (
        layers * (12 * chosen.decoder_dim + 6 * QKV_DIM)
        + 2 * chosen.decoder_ffn.sum(axis=1)
        + task.target_vocabulary
    )
    cache = 2 * QKV_DIM * (beam * layers * 3 * cache_length(task) + spans * length)
    joins = sum((chosen.spans == span).any(axis=1).astype(np.int64) for span in (2, 3))
    nodes = 18 * ENCODER_LAYERS + 4 * layers + length * 32 * layers
    millions = [done.encoder, done.memory, done.decoder, done.output]
    millions += [held.encoder + held.memory, held.decoder]
    millions += [chosen.decoder_dim * task.target_vocabulary]
    millions += [encoder_values, length * step_values, length * cache]
    counts = [
        chosen.encoder_heads.sum(axis=1),
        chosen.decoder_heads.sum(axis=1),
        chosen.cross_heads.sum(axis=1),
        spans,
        layers,
        joins,
    ]
    return np.column_stack([*(x / 1e6 for x in millions), nodes / 1e3, *counts]).astype(np.float64)
