"""The protocol holds for both runtimes, and says where nodes ran."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from agent.boards.models import ModelFiles, write_model
from agent.runtimes import onnx_runtime
from agent.runtimes.base import NoProvider, RefusedModel, StageFiles, UnknownRuntime
from agent.runtimes.onnx_runtime import OnnxRuntime, _Session
from agent.runtimes.registry import DEFAULT_PROVIDERS, find_runtime
from agent.runtimes.torch_graph import TorchGraph
from help_core.graphs.builder import GraphBuilder
from help_core.records import Settings
from help_core.spaces import BuildOptions, Stage, get_gene_space
from help_core.spaces.base import sample_genes

SPACES = ["nasbench201", "fbnet", "ofa", "hat"]


def _model(folder: Path, space_name: str) -> ModelFiles:
    space = get_gene_space(space_name)
    (architecture,) = space.from_genes(sample_genes(space, 1, np.random.default_rng(3)))
    return write_model(space.build(architecture, BuildOptions()), Settings(), 0.0, folder)


def _stages(files: ModelFiles) -> list[StageFiles]:
    return [StageFiles(one["model"], one["inputs"], one["runs"]) for one in files.stages]


@pytest.mark.parametrize("name", ["onnxruntime", "torch"])
def test_a_runtime_loads_runs_and_tells_its_build_and_its_nodes(name: str, tmp_path: Path) -> None:
    files = _model(tmp_path, "nasbench201")
    provider = DEFAULT_PROVIDERS[name]
    runtime = find_runtime(name)
    assert provider in runtime.providers()
    loaded = runtime.load(_stages(files), provider, threads=1)
    loaded.run()
    assert loaded.session_ms > 0
    assert loaded.facts["runtime"].startswith(name)
    assert loaded.assignment is not None
    assert set(loaded.assignment) == {provider}
    assert loaded.output_shapes() == [{k: tuple(v) for k, v in files.stages[0]["outputs"].items()}]
    assert loaded.enqueue_share is None


@pytest.mark.parametrize("name", ["onnxruntime", "torch"])
def test_a_provider_that_is_not_there_is_refused_with_those_that_are(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(NoProvider, match=DEFAULT_PROVIDERS[name]):
        find_runtime(name).load(_stages(_model(tmp_path, "nasbench201")), "Quantum", 1)


@pytest.mark.parametrize("space", SPACES)
def test_torch_computes_what_onnxruntime_computes(space: str, tmp_path: Path) -> None:
    for stage in _stages(_model(tmp_path, space)):
        with np.load(stage.inputs) as arrays:
            inputs = {name: arrays[name] for name in arrays.files}
        wanted = onnxruntime.InferenceSession(stage.model).run(None, inputs)
        tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
        with torch.no_grad():
            found = TorchGraph(stage.model, torch.device("cpu")).run(tensors)
        for expected, actual in zip(wanted, found.values(), strict=True):
            scale = np.abs(expected).max()
            assert np.abs(expected - actual.numpy()).max() <= 1e-5 * scale


def test_torch_names_the_operator_that_it_lacks(tmp_path: Path) -> None:
    builder = GraphBuilder("odd", "fp32", seed=0)
    value = builder.node("Erf", [builder.input("x", (1, 4))])
    stages = (Stage("odd", builder.finish([(value, (1, 4))])),)
    files = write_model(stages, Settings(), 0.0, tmp_path)
    with pytest.raises(RefusedModel, match="Erf"):
        find_runtime("torch").load(_stages(files), "cpu", 1)


def test_names_modules_and_unknown_ones() -> None:
    assert isinstance(find_runtime("agent.runtimes.onnx_runtime:OnnxRuntime"), OnnxRuntime)
    with pytest.raises(UnknownRuntime, match="onnxruntime, torch"):
        find_runtime("caffe")
    with pytest.raises(UnknownRuntime, match="no_such_package"):
        find_runtime("no_such_package:Runtime")


def test_inputs_and_outputs_can_be_bound_beforehand(tmp_path: Path) -> None:
    # The way of GPUs, on the memory that every machine has.
    (stage,) = _stages(_model(tmp_path, "nasbench201"))
    session = _Session(stage, "CPUExecutionProvider", 1)
    plain = session.session.run(None, session.inputs)
    session.runner("cpu")()
    bound = session.binding.copy_outputs_to_cpu()
    assert all(np.array_equal(one, other) for one, other in zip(plain, bound, strict=True))
    share = onnx_runtime._enqueue_share([session])
    assert 0 < share <= 1


def test_a_build_that_records_no_assignment_proves_it_by_refusing_to_fall_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, str]] = []

    class OldSession:
        """Sessions of a build before 1.24 with a provider that takes only part of the graph."""

        def __init__(self, model: str, options: object, providers: list[str]) -> None:
            entry = options.get_session_config_entry  # type: ignore[attr-defined]
            try:
                refuses = entry(onnx_runtime.REFUSE_FALLBACK) == "1"
            except RuntimeError:
                refuses = False
            asked.append({"provider": providers[0], "refuses": str(refuses)})
            if refuses and providers == ["Partial"]:
                raise RuntimeError("This session contains graph nodes that fallback to CPU")
            self.providers = providers

        def get_providers(self) -> list[str]:
            return self.providers

    monkeypatch.setattr(onnxruntime, "InferenceSession", OldSession)
    assert onnx_runtime._open("m", "Whole", 1)[1] == Counter({"Whole": 1})
    assert onnx_runtime._open("m", "Partial", 1)[1] == Counter({"CPUExecutionProvider": 1})
    assert onnx_runtime._open("m", "CPUExecutionProvider", 1)[1] is None
    assert [one["refuses"] for one in asked] == ["True", "True", "False", "False"]


def test_a_provider_that_is_silently_replaced_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Replaced:
        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    with pytest.raises(NoProvider, match="cannot start"):
        onnx_runtime._refuse_replaced(Replaced(), "CUDAExecutionProvider")


def test_cuda_measures_on_the_gpu_with_bound_memory(tmp_path: Path) -> None:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no CUDAExecutionProvider (install onnxruntime-gpu)")
    files = _model(tmp_path, "nasbench201")
    loaded = OnnxRuntime().load(_stages(files), "CUDAExecutionProvider", 1)
    loaded.run()
    assert loaded.assignment is not None
    assert set(loaded.assignment) == {"CUDAExecutionProvider"}
    assert loaded.facts["copies"] == "excluded"
    assert loaded.enqueue_share is not None
    assert 0 < loaded.enqueue_share() <= 1
