"""The ONNX models compute what an independent torch transformer computes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped, unused-ignore]
import pytest
import torch

from help_core.arrays import AnyArray
from help_core.graphs.inputs import random_inputs
from help_core.graphs.precision import PRECISIONS, Precision
from help_core.spaces.base import BuildOptions, sample_genes
from help_core.spaces.hat import Hat, HatTask
from help_core.spaces.hat.genes import Choices
from help_core.spaces.hat.genes import decode as decode_genes
from help_core.spaces.hat.network import build_decoder, build_encoder
from tests.help_core.spaces.hat.hat_torch import decode, encode, randomise_vectors
from tests.help_core.spaces.onnx_checks import optimised_operators

SMALL_SHARED = HatTask(101, 101, True, 9, (64, 96, 160), (4, 8))
SMALL_APART = HatTask(90, 70, False, 7, (48, 96, 128), (2, 4))


def run(model: onnx.ModelProto, inputs: dict[str, AnyArray]) -> dict[str, AnyArray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def by_heads(x: torch.Tensor, heads: int) -> AnyArray:
    array: AnyArray = x.reshape(*x.shape[:2], heads, -1).transpose(1, 2).contiguous().numpy()
    return array


def assert_equal(found: AnyArray, expected: AnyArray) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def check_network(task: HatTask, network: Choices, beam: int, batch: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    options, cached = BuildOptions(batch_size=batch, seed=seed), int(rng.integers(0, task.length))
    encoder = build_encoder(task, network, options)
    decoder = build_decoder(task, network, beam, cached, options)
    for model in (encoder, decoder):
        randomise_vectors(model, rng)
    source = rng.integers(0, task.source_vocabulary, (batch, task.length))
    memories = encode(encoder, network, torch.tensor(source))
    memory = run(encoder, {"tokens": source})
    for layer, pair in enumerate(memories):
        for kind, expected in zip(("key", "value"), pair, strict=True):
            heads = int(network.cross_heads[0, layer])
            assert_equal(memory[f"cross_{kind}_{layer}"], by_heads(expected, heads))

    target = rng.integers(0, task.target_vocabulary, (batch * beam, cached + 1))
    repeated = [(k.repeat_interleave(beam, 0), v.repeat_interleave(beam, 0)) for k, v in memories]
    logits, cache = decode(decoder, network, repeated, torch.tensor(target))
    inputs = {"tokens": target[:, -1:], "position": np.array([cached]), **memory}
    grown = {}
    for layer, pair in enumerate(cache):
        for kind, value in zip(("key", "value"), pair, strict=True):
            known = by_heads(value, int(network.decoder_heads[0, layer]))
            inputs[f"past_{kind}_{layer}"] = known[:, :, :cached]
            grown[f"present_{kind}_{layer}"] = known
    outputs = run(decoder, inputs)
    assert_equal(outputs.pop("logits"), logits.numpy())
    assert outputs.keys() == grown.keys()
    for name, expected_cache in grown.items():
        assert_equal(outputs[name], expected_cache)


@pytest.mark.parametrize(
    ("task", "beam", "batch", "count"),
    [
        (SMALL_SHARED, 1, 1, 25),
        (SMALL_APART, 1, 1, 15),
        (SMALL_SHARED, 4, 1, 6),
        (SMALL_SHARED, 1, 3, 2),
        (SMALL_APART, 2, 2, 4),
    ],
)
def test_outputs_equal_an_independent_torch_module(
    task: HatTask, beam: int, batch: int, count: int
) -> None:
    torch.set_num_threads(1)
    space = Hat(task=task, beam=beam)
    genes = sample_genes(space, count, np.random.default_rng(beam + batch))
    with torch.no_grad():
        for seed, row in enumerate(genes):
            check_network(task, decode_genes(task, row[None]), beam, batch, seed)


def test_encoder_outputs_are_the_decoder_inputs_of_the_same_shape() -> None:
    space = Hat(task=SMALL_APART, beam=3)
    for architecture in space.reference_architectures():
        encoder, decoder = space.build(architecture, BuildOptions(batch_size=2))
        assert (encoder.name, encoder.runs, decoder.name, decoder.runs) == (
            "encoder", 1, "decoder", SMALL_APART.length,
        )  # fmt: skip
        given = {value.name: value.type for value in encoder.model.graph.output}
        wanted = {value.name: value.type for value in decoder.model.graph.input}
        assert given.items() <= wanted.items()
        grown = {v.name for v in decoder.model.graph.output if v.name != "logits"}
        past = {name for name in wanted if name.startswith("past_")}
        assert {name.replace("past", "present") for name in past} == grown


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_passes_the_checker_and_runs(precision: Precision) -> None:
    space = Hat(task=SMALL_SHARED)
    architecture = space.reference_architectures()[4]
    for stage in space.build(architecture, BuildOptions(precision=precision)):
        onnx.checker.check_model(stage.model, full_check=True)
        outputs = run(stage.model, random_inputs(stage.model, np.random.default_rng(0)))
        for value in stage.model.graph.output:
            shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
            assert outputs[value.name].shape == shape
            assert outputs[value.name].dtype == (np.float16 if precision == "fp16" else np.float32)
            assert np.isfinite(outputs[value.name]).all()


def test_int8_runs_every_product_of_both_models_on_integers(tmp_path: Path) -> None:
    space = Hat(task=SMALL_SHARED)
    for architecture in space.reference_architectures()[:3]:
        for stage in space.build(architecture, BuildOptions(precision="int8")):
            built = Counter(node.op_type for node in stage.model.graph.node)
            executed = optimised_operators(stage.model, tmp_path)
            assert executed["QGemm"] == built["Gemm"]
            assert executed["QLinearMatMul"] == built["MatMul"] == 2 * built["Softmax"]
            assert executed["QLinearSoftmax"] == built["Softmax"]
            assert not {"Gemm", "FusedGemm", "MatMul", "FusedMatMul", "Softmax"} & set(executed)


def test_int8_computes_about_the_same_as_floats() -> None:
    space = Hat(task=SMALL_APART)
    architecture = space.reference_architectures()[2]
    exact, coarse = (
        space.build(architecture, BuildOptions(precision=precision))
        for precision in ("fp32", "int8")
    )
    for one, other in zip(exact, coarse, strict=True):
        inputs = random_inputs(one.model, np.random.default_rng(0))
        expected, found = run(one.model, inputs), run(other.model, inputs)
        for name, value in expected.items():
            assert np.corrcoef(found[name].ravel(), value.ravel())[0, 1] > 0.98
        weights = [t.data_type for t in other.model.graph.initializer if t.name.endswith("_q")]
        gemms = sum(node.op_type == "Gemm" for node in one.model.graph.node)
        assert weights.count(onnx.TensorProto.INT8) == gemms
