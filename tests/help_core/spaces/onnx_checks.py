"""What tests ask of an ONNX model: its outputs, its work, its integer kernels."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import shape_inference

from help_core.arrays import AnyArray


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options


def random_image(model: onnx.ModelProto, seed: int = 0) -> AnyArray:
    """A standard normal image of the model's input shape and type."""
    tensor = model.graph.input[0].type.tensor_type
    shape = [axis.dim_value for axis in tensor.shape.dim]
    dtype: Any = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    image: AnyArray = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
    return image


def run(model: onnx.ModelProto, image: AnyArray) -> AnyArray:
    """The output of onnxruntime on one CPU thread."""
    session = ort.InferenceSession(
        model.SerializeToString(), _options(), providers=["CPUExecutionProvider"]
    )
    output: AnyArray = session.run(None, {"image": image})[0]
    return output


def optimised_operators(model: onnx.ModelProto, folder: Path) -> Counter[str]:
    """How often each operator is in the graph that onnxruntime really executes."""
    options = _options()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    optimised = onnx.load(options.optimized_model_filepath)
    return Counter(node.op_type for node in optimised.graph.node)


def relative_error(output: AnyArray, expected: AnyArray) -> float:
    """Largest difference as a share of the largest expected value."""
    return float(np.abs(output - expected).max() / np.abs(expected).max())


def count_work(model: onnx.ModelProto) -> tuple[int, int, int]:
    """(weights, offsets, multiply-adds) of the convolutions and the classifier, batch 1.

    Offsets are the bias entries of convolutions, one a channel: a folded batch norm has twice
    as many parameters.
    """
    inferred = shape_inference.infer_shapes(model, strict_mode=True)
    pixels = {
        value.name: math.prod(axis.dim_value for axis in value.type.tensor_type.shape.dim[2:])
        for value in inferred.graph.value_info
    }
    sizes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    weights = offsets = multiply_adds = 0
    for node in model.graph.node:
        if node.op_type not in {"Conv", "Gemm"}:
            continue
        size = math.prod(sizes[node.input[1]])
        weights += size
        multiply_adds += size * (pixels[node.output[0]] if node.op_type == "Conv" else 1)
        if node.op_type == "Conv" and len(node.input) == 3:
            offsets += sizes[node.input[2]][0]
    return weights, offsets, multiply_adds
