"""What transformers need of an ONNX graph beyond ``GraphBuilder``.

Activations are ``[rows, features]``, a row for each token of each sentence, so that every
projection is one ``Gemm``; only attention sees sentences and heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper

from help_core.arrays import FloatArray
from help_core.graphs.builder import GraphBuilder


class TransformerBuilder(GraphBuilder):
    """A ``GraphBuilder`` with embeddings, layer norms and attention."""

    def named(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """A node whose output has a name of its own, for the outputs of the model."""
        self._nodes.append(
            helper.make_node(operator, list(inputs), [output], name=output, **attributes)
        )
        self._power[output] = self.power(inputs[0])
        return output

    def linear(self, source: str, inside: int, outside: int) -> str:
        """A projection of every row; He's weights double the power."""
        output = super().linear(source, inside, outside)
        self._power[output] = 2 * self.power(source)
        return output

    def split(self, source: str, count: int) -> list[str]:
        """``count`` equal parts of the last axis."""
        outputs = [f"Split_{len(self._nodes)}_{part}" for part in range(count)]
        self._nodes.append(helper.make_node("Split", [source], outputs, name=outputs[0], axis=-1))
        self._power |= dict.fromkeys(outputs, self.power(source))
        return outputs

    def reshape(self, source: str, shape: Sequence[int]) -> str:
        """The same values in another shape."""
        return self.node("Reshape", [source, self.constant(np.array(shape, dtype=np.int64))])

    def table(self, rows: int, size: int) -> str:
        """An embedding table whose entries have variance ``1 / size``, as fairseq draws them."""
        name = self.constant(self.weights((rows, size), 2 * size))
        self._power[name] = 1 / size
        return name

    def layer_norm(self, source: str, size: int) -> str:
        """Layer normalisation over the features, with scale and shift."""
        scale = self.constant(np.ones(size, dtype=np.float32))
        shift = self.constant(np.zeros(size, dtype=np.float32))
        output = self.node("LayerNormalization", [source, scale, shift], axis=-1, epsilon=1e-5)
        self._power[output] = 1.0
        return output

    def scale(self, source: str, factor: float) -> str:
        """Multiplication by one number."""
        output = self.node("Mul", [source, self.constant(np.array([factor], dtype=np.float32))])
        self._power[output] = factor**2 * self.power(source)
        return output

    def heads(self, source: str, batch: int, tokens: int, heads: int, size: int) -> str:
        """``[batch * tokens, heads * size]`` to ``[batch, heads, tokens, size]``."""
        split = self.reshape(source, (batch, tokens, heads, size))
        return self.node("Transpose", [split], perm=[0, 2, 1, 3])

    def attention(
        self, query: str, key: str, value: str, batch: int, tokens: int, heads: int, size: int
    ) -> str:
        """Scaled queries against keys, all ``[batch, heads, tokens, size]``.

        Returns ``[batch * tokens, heads * size]`` where ``tokens`` are the query's.
        """
        scores = self.node("MatMul", [query, self.node("Transpose", [key], perm=[0, 1, 3, 2])])
        self._power[scores] = size * self.power(query) * self.power(key)
        shares = self.node("Softmax", [scores], axis=-1)
        # Not their mean square but what lets the eight bits of ``quantise`` span 0 to 1.
        self._power[shares] = 1 / 16
        mixed = self.node("MatMul", [shares, value])
        self._power[mixed] = self.power(value)
        merged = self.node("Transpose", [mixed], perm=[0, 2, 1, 3])
        return self.reshape(merged, (batch * tokens, heads * size))

    def feed_forward(self, source: str, size: int, inner: int) -> str:
        """Two projections with a rectifier between."""
        hidden = self.relu(self.linear(source, size, inner))
        return self.linear(hidden, inner, size)


def sinusoidal_positions(count: int, size: int, first: int) -> FloatArray:
    """Sines and cosines of ``count`` positions from ``first`` on, ``[count, size]``.

    Frequencies fall geometrically from 1 to 1/10,000; the first half of a row holds the sines
    (fairseq's order, not the interleaved one of Vaswani et al., 2017).
    """
    half = size // 2
    frequencies = np.exp(-np.log(10_000.0) / (half - 1) * np.arange(half))
    angles = np.arange(first, first + count)[:, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
