"""Small models for the tests of a user's own models, whole and damaged."""

from __future__ import annotations

import random
from pathlib import Path

import onnx
import onnx.parser
from onnx import numpy_helper

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'


def _numbers(count: int) -> str:
    return ",".join(["0.1"] * count)


CONVOLUTIONAL = f"""{HEADER}
net (float[batch,4,8,8] image) => (float[batch,5] scores)
<float[8,2,3,3] w = {{{_numbers(144)}}}, float[8] b = {{{_numbers(8)}}},
 float[8,4,2,2] d = {{{_numbers(128)}}}, float[5,8] v = {{{_numbers(40)}}}>
{{ c = Conv<group=2, pads=[1,1,1,1], strides=[2,2]>(image, w, b)
   r = Relu(c)
   t = ConvTranspose<strides=[2,2]>(r, d)
   e = Einsum<equation="bchw->bhwc">(t)
   p = GlobalAveragePool(r)
   f = Flatten(p)
   scores = Gemm<transB=1>(f, v) }}"""
"""Multiply-adds at batch 1: 8*4*4*2*9 + 8*4*4*4*4 + 8*5; 320 weights."""

TOKENS = f"""{HEADER}
text (int64[N,seq] ids, float[?,3] extra, bool flag) => (float[N,seq,7] y, float[a,3] z)
<float[11,6] table = {{{_numbers(66)}}}, float[6,7] v = {{{_numbers(42)}}}>
{{ x = Gather(table, ids)
   y = MatMul(x, v)
   z = Relu(extra)
   u = If(flag) <
     then_branch = t () => (float[1] a1) {{ a1 = Constant<value = float[1] {{1.0}}>() }},
     else_branch = e () => (float[1] a2) {{ a2 = Constant<value = float[1] {{2.0}}>() }}> }}"""

_VALUES = (0, -1, 1, 2, 7, 1 << 31, 1 << 40, (1 << 63) - 1, -(1 << 63), 1_000_000)


def model(text: str) -> onnx.ModelProto:
    parsed: onnx.ModelProto = onnx.parser.parse_model(text)
    return parsed


def save_externally(folder: Path, name: str) -> Path:
    """``CONVOLUTIONAL`` with its weights in a file beside it, whose path is returned."""
    source = model(CONVOLUTIONAL)
    for tensor in source.graph.initializer:
        # The text parser keeps weights in a form that cannot be moved out.
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
    weights = folder / f"{name}.bin"
    onnx.save(
        source,
        str(folder / f"{name}.onnx"),
        save_as_external_data=True,
        location=weights.name,
        size_threshold=0,
    )
    return weights


def damage_bytes(data: bytes, rng: random.Random) -> bytes:
    """A file cut short, with flipped bits, with other bytes, with bytes lost or put in."""
    damaged, kind = bytearray(data), rng.randrange(5)
    at = rng.randrange(len(data))
    if kind == 0:
        return data[:at]
    if kind == 1:
        for _ in range(rng.choice((1, 2, 16))):
            damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        for _ in range(rng.choice((1, 2, 8))):
            damaged[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == 3:
        del damaged[at : at + rng.randrange(1, 64)]
    else:
        damaged[at:at] = rng.randbytes(rng.randrange(1, 16))
    return bytes(damaged)


def damage_model(source: onnx.ModelProto, rng: random.Random) -> bytes:
    """A file that parses and says something else: other sizes, types, names, operators."""
    changed = onnx.ModelProto()
    changed.CopyFrom(source)
    graph = changed.graph
    node, tensor = rng.choice(graph.node), rng.choice(graph.initializer)
    shape = rng.choice(graph.input).type.tensor_type
    kind = rng.randrange(9)
    if kind == 0 and node.attribute:
        attribute = rng.choice(node.attribute)
        attribute.i = rng.choice(_VALUES)
        attribute.s = rng.randbytes(6)
        if attribute.ints:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(_VALUES)
    elif kind == 1:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(_VALUES)
    elif kind == 2:
        tensor.data_type = rng.randrange(30)
    elif kind == 3 and shape.shape.dim:
        rng.choice(shape.shape.dim).dim_value = rng.choice(_VALUES)
    elif kind == 4:
        shape.elem_type = rng.randrange(30)
    elif kind == 5:
        node.op_type = rng.choice(("Loop", "Scan", "Resize", "LSTM", "NonZero", "Range", "Tile"))
    elif kind == 6 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(("", "w", "scores", "ids"))
    elif kind == 7:
        changed.opset_import[0].version = rng.choice((*_VALUES, 6, 9, 12, 22))
    else:
        del graph.node[rng.randrange(len(graph.node))]
    return changed.SerializeToString()
