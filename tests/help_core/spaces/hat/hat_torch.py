"""An independent HAT transformer in torch, which reads its weights from the ONNX models.

It decodes whole sentences under a causal mask, without a cache, so that an ONNX decoder step
agrees with it only if cache, positions and masks mean the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

from help_core.spaces.hat.genes import Choices


def randomise_vectors(model: onnx.ModelProto, rng: np.random.Generator) -> None:
    """Gives biases and layer norms, which are built as zeros and ones, values that matter."""
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.ndim == 1 and array.size > 1 and array.dtype == np.float32:
            values = array + rng.uniform(-0.5, 0.5, array.shape).astype(np.float32)
            tensor.raw_data = values.tobytes()


def weights_in_order(model: onnx.ModelProto) -> Iterator[Tensor]:
    """All float weights but single numbers and the position table, in the order of use."""
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32 and array.size > 1:
            yield torch.tensor(array)


def positions(count: int, size: int, super_size: int = 640, padding: int = 1) -> Tensor:
    """fairseq's sinusoidal positions, one number at a time."""
    half = super_size // 2
    table = torch.zeros(count, super_size, dtype=torch.float64)
    for place in range(count):
        for index in range(half):
            angle = (place + padding + 1) * math.exp(-index * math.log(10000) / (half - 1))
            table[place, index] = math.sin(angle)
            table[place, half + index] = math.cos(angle)
    return table[:, :size].float()


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int, *, causal: bool = False) -> Tensor:
    """Multi-head attention on ``[batch, tokens, 512]``."""

    def split(x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)

    mixed = functional.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=causal)
    return mixed.transpose(1, 2).flatten(2)


def post_norm(x: Tensor, update: Tensor, weights: Iterator[Tensor]) -> Tensor:
    return functional.layer_norm(x + update, x.shape[-1:], next(weights), next(weights), 1e-5)


def linear(x: Tensor, weights: Iterator[Tensor]) -> Tensor:
    return functional.linear(x, next(weights), next(weights))


def encode(model: onnx.ModelProto, network: Choices, tokens: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Keys and values ``[batch, span * length, 512]`` for each decoder layer."""
    weights = weights_in_order(model)
    size = int(network.encoder_dim[0])
    x = math.sqrt(size) * next(weights)[tokens]
    next(weights)
    x = x + positions(tokens.shape[1], size)
    layers = []
    for heads in network.encoder_heads[0].tolist():
        q, k, v = linear(x, weights).chunk(3, dim=-1)
        x = post_norm(x, linear(attend(q, k, v, heads), weights), weights)
        hidden = functional.relu(linear(x, weights))
        x = post_norm(x, linear(hidden, weights), weights)
        layers.append(x)
    memories = []
    for span in network.spans[0, : int(network.decoder_layers[0])].tolist():
        source = torch.cat([layers[-1 - back] for back in range(span)], dim=1)
        key = linear(source, weights)
        memories.append((key, linear(source, weights)))
    assert next(weights, None) is None
    return memories


def decode(
    model: onnx.ModelProto,
    network: Choices,
    memories: list[tuple[Tensor, Tensor]],
    tokens: Tensor,
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Logits of the last token of ``tokens [rows, t]`` and all keys and values of each layer."""
    weights = weights_in_order(model)
    size = int(network.decoder_dim[0])
    table = next(weights)
    known = next(weights)
    x = math.sqrt(size) * table[tokens] + positions(tokens.shape[1], size)
    assert known.shape[1] == size
    cache = []
    for layer, (key, value) in enumerate(memories):
        q, k, v = linear(x, weights).chunk(3, dim=-1)
        cache.append((k, v))
        mixed = attend(q, k, v, int(network.decoder_heads[0, layer]), causal=True)
        x = post_norm(x, linear(mixed, weights), weights)
        mixed = attend(linear(x, weights), key, value, int(network.cross_heads[0, layer]))
        x = post_norm(x, linear(mixed, weights), weights)
        hidden = functional.relu(linear(x, weights))
        x = post_norm(x, linear(hidden, weights), weights)
    output = next(weights, table)
    assert next(weights, None) is None
    return functional.linear(x[:, -1], output), cache
