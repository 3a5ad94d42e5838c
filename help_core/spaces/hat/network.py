"""A HAT network as two ONNX models: the encoder, and one step of the decoder.

Post-norm transformer with rectifiers, biases everywhere but in the output projection, and
queries, keys and values of 512 whatever the embedding size (HAT's ``transformer_super.py``).

Where the cost of things lies:

- The keys and values of encoder-decoder attention are the same for every target token, so
  fairseq projects them once, in the first decoder step. Here the *encoder* model ends with
  that projection: the sum over a sentence is the same and all decoder steps are alike.
- A decoder step grows its key/value cache by one token. The model has a *fixed* cache of half
  the target length: attention costs are linear in the cache, so this one step times the number
  of steps is the cost of all steps, and compilers for phones and NPUs, which want fixed
  shapes, can build it.
- A beam of ``b`` decodes ``b`` rows. They share one source, so its keys and values are kept
  once and not repeated ``b`` times as in fairseq. Choosing the best hypotheses and reordering
  the cache is outside the model, as it is outside HAT's measurement.
"""

from __future__ import annotations

from math import sqrt

import onnx
from onnx import TensorProto

from help_core.graphs.transformer import TransformerBuilder, sinusoidal_positions
from help_core.spaces.base import BuildOptions
from help_core.spaces.hat.genes import Choices
from help_core.spaces.hat.task import ENCODER_LAYERS, QKV_DIM, SUPER_EMBED_DIM, HatTask

FIRST_POSITION = 2
"""fairseq counts positions from one behind the padding symbol, which is 1."""


def cache_length(task: HatTask) -> int:
    """Tokens in the key/value cache of the decoder step that stands for all of them."""
    return task.length // 2


def build_encoder(task: HatTask, network: Choices, options: BuildOptions) -> onnx.ModelProto:
    """Input ``tokens [batch, length]``; outputs for each decoder layer ``i``.

    ``cross_key_i`` and ``cross_value_i`` are ``[batch, heads, span * length, size]``.
    """
    graph = TransformerBuilder("hat-encoder", options.precision, options.seed)
    batch, length = options.batch_size, task.length
    size = int(network.encoder_dim[0])
    tokens = graph.input("tokens", (batch, length), TensorProto.INT64)
    table = graph.table(task.source_vocabulary, size)
    embedded = graph.scale(graph.node("Gather", [table, tokens]), sqrt(size))
    positions = sinusoidal_positions(length, SUPER_EMBED_DIM, FIRST_POSITION)[:, :size]
    embedded = graph.node("Add", [embedded, graph.constant(positions)])
    value = graph.reshape(embedded, (batch * length, size))
    outputs: list[str] = []
    for layer in range(ENCODER_LAYERS):
        heads, inner = int(network.encoder_heads[0, layer]), int(network.encoder_ffn[0, layer])
        projected = graph.split(graph.linear(value, size, 3 * QKV_DIM), 3)
        query = graph.scale(projected[0], (QKV_DIM // heads) ** -0.5)
        query, key, content = (
            graph.heads(part, batch, length, heads, QKV_DIM // heads)
            for part in (query, *projected[1:])
        )
        mixed = graph.attention(query, key, content, batch, length, heads, QKV_DIM // heads)
        mixed = graph.linear(mixed, QKV_DIM, size)
        value = graph.layer_norm(graph.add([value, mixed]), size)
        value = graph.layer_norm(graph.add([value, graph.feed_forward(value, size, inner)]), size)
        outputs.append(value)
    return graph.finish(_cross_projections(graph, outputs, task, network, options))


def _cross_projections(
    graph: TransformerBuilder,
    layers: list[str],
    task: HatTask,
    network: Choices,
    options: BuildOptions,
) -> list[tuple[str, tuple[int, ...]]]:
    batch, size = options.batch_size, int(network.encoder_dim[0])
    memories: dict[int, str] = {1: layers[-1]}
    finished: list[tuple[str, tuple[int, ...]]] = []
    for layer in range(int(network.decoder_layers[0])):
        span, heads = int(network.spans[0, layer]), int(network.cross_heads[0, layer])
        tokens, width = span * task.length, QKV_DIM // heads
        if span not in memories:
            last = [graph.reshape(x, (batch, task.length, size)) for x in layers[: -span - 1 : -1]]
            joined = graph.node("Concat", last, axis=1)
            memories[span] = graph.reshape(joined, (batch * tokens, size))
        for kind in ("key", "value"):
            projected = graph.linear(memories[span], size, QKV_DIM)
            split = graph.reshape(projected, (batch, tokens, heads, width))
            name = graph.named("Transpose", [split], f"cross_{kind}_{layer}", perm=[0, 2, 1, 3])
            finished.append((name, (batch, heads, tokens, width)))
    return finished


def build_decoder(
    task: HatTask, network: Choices, beam: int, cached: int, options: BuildOptions
) -> onnx.ModelProto:
    """One step with ``cached`` tokens before it; ``rows = batch * beam`` hypotheses.

    Inputs: ``tokens [rows, 1]``, ``position [1]`` counted from 0, and for each layer ``i``
    ``past_key_i``, ``past_value_i [rows, heads, cached, size]`` and the encoder's
    ``cross_key_i``, ``cross_value_i``. Outputs: ``logits [rows, vocabulary]`` and the cache
    grown by one token, ``present_key_i``, ``present_value_i``.
    """
    graph = TransformerBuilder("hat-decoder", options.precision, options.seed + 1)
    rows, size = options.batch_size * beam, int(network.decoder_dim[0])
    tokens = graph.input("tokens", (rows, 1), TensorProto.INT64)
    position = graph.input("position", (1,), TensorProto.INT64)
    table = graph.table(task.target_vocabulary, size)
    embedded = graph.scale(graph.node("Gather", [table, tokens]), sqrt(size))
    known = sinusoidal_positions(task.length, SUPER_EMBED_DIM, FIRST_POSITION)[:, :size]
    embedded = graph.node(
        "Add", [embedded, graph.node("Gather", [graph.constant(known), position])]
    )
    value = graph.reshape(embedded, (rows, size))
    cache: list[tuple[str, tuple[int, ...]]] = []
    for layer in range(int(network.decoder_layers[0])):
        heads = int(network.decoder_heads[0, layer])
        mixed, grown = _self_attention(graph, value, layer, rows, size, heads, cached)
        cache += grown
        value = graph.layer_norm(graph.add([value, mixed]), size)
        mixed = _cross_attention(graph, value, layer, task, network, beam, options.batch_size)
        value = graph.layer_norm(graph.add([value, mixed]), size)
        mixed = graph.feed_forward(value, size, int(network.decoder_ffn[0, layer]))
        value = graph.layer_norm(graph.add([value, mixed]), size)
    output = table if task.shared_embeddings else graph.table(task.target_vocabulary, size)
    logits = graph.named("Gemm", [value, output], "logits", transB=1)
    return graph.finish([(logits, (rows, task.target_vocabulary)), *cache])


def _self_attention(
    graph: TransformerBuilder,
    source: str,
    layer: int,
    rows: int,
    size: int,
    heads: int,
    cached: int,
) -> tuple[str, list[tuple[str, tuple[int, ...]]]]:
    width = QKV_DIM // heads
    projected = graph.split(graph.linear(source, size, 3 * QKV_DIM), 3)
    query = graph.heads(graph.scale(projected[0], width**-0.5), rows, 1, heads, width)
    grown: list[str] = []
    for kind, part in zip(("key", "value"), projected[1:], strict=True):
        new = graph.heads(part, rows, 1, heads, width)
        past = graph.input(f"past_{kind}_{layer}", (rows, heads, cached, width))
        grown.append(graph.named("Concat", [past, new], f"present_{kind}_{layer}", axis=2))
    mixed = graph.attention(query, grown[0], grown[1], rows, 1, heads, width)
    shape = (rows, heads, cached + 1, width)
    return graph.linear(mixed, QKV_DIM, size), [(name, shape) for name in grown]


def _cross_attention(
    graph: TransformerBuilder,
    source: str,
    layer: int,
    task: HatTask,
    network: Choices,
    beam: int,
    batch: int,
) -> str:
    size, heads = int(network.decoder_dim[0]), int(network.cross_heads[0, layer])
    width, tokens = QKV_DIM // heads, int(network.spans[0, layer]) * task.length
    query = graph.scale(graph.linear(source, size, QKV_DIM), width**-0.5)
    key, content = (
        graph.input(f"cross_{kind}_{layer}", (batch, heads, tokens, width))
        for kind in ("key", "value")
    )
    query = graph.heads(query, batch, beam, heads, width)
    mixed = graph.attention(query, key, content, batch, beam, heads, width)
    return graph.linear(mixed, QKV_DIM, size)
