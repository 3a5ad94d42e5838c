"""torch on CPU or CUDA (optional): an ONNX graph run node by node, as eager torch runs a module.

This module is loaded by name, in a measuring process that was asked for it, and nowhere else:
``tests/test_import_arrows.py`` holds the agent to that. It proves that the runtime protocol is
no image of onnxruntime, and measures what eager execution costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from agent.runtimes.base import Loaded, NoProvider, RefusedModel, StageFiles
from agent.runtimes.torch_graph import TorchGraph


class TorchRuntime:
    """Implements ``Runtime``; its providers are torch's devices."""

    def providers(self) -> Sequence[str]:
        """``cpu``, and ``cuda`` where torch sees a GPU."""
        return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]

    def load(self, stages: Sequence[StageFiles], provider: str, threads: int) -> Loaded:
        """Graphs with their weights on the device."""
        if provider not in self.providers():
            raise NoProvider(f"provider {provider} is not among {', '.join(self.providers())}")
        torch.set_num_threads(threads)
        begin = time.perf_counter_ns()
        device = torch.device(provider)
        loaded = [_Stage(stage, device) for stage in stages]
        session_ms = (time.perf_counter_ns() - begin) / 1e6
        nodes = sum(len(stage.graph.steps) for stage in loaded)
        return Loaded(
            run=_runner(loaded, device),
            output_shapes=lambda: [stage.output_shapes() for stage in loaded],
            session_ms=session_ms,
            facts={
                "runtime": f"torch {torch.__version__}",
                "copies": "excluded" if provider == "cuda" else "none",
            },
            # Eager torch raises where a device lacks an operator; it never falls back.
            assignment={provider: nodes},
            enqueue_share=_enqueue_share(loaded) if provider == "cuda" else None,
        )


class _Stage:
    def __init__(self, stage: StageFiles, device: torch.device) -> None:
        try:
            self.graph = TorchGraph(stage.model, device)
        except NotImplementedError as error:
            raise RefusedModel(str(error)) from None
        self.runs = stage.runs
        with np.load(stage.inputs, allow_pickle=False) as arrays:
            self.inputs = {name: torch.from_numpy(arrays[name]).to(device) for name in arrays.files}

    def run(self) -> object:
        return self.graph.run(self.inputs)

    def output_shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(value.shape) for name, value in self.graph.run(self.inputs).items()}


def _runner(stages: Sequence[_Stage], device: torch.device) -> Callable[[], None]:
    is_asynchronous = device.type == "cuda"

    def run() -> None:
        _enqueue(stages)
        if is_asynchronous:
            torch.cuda.synchronize()

    return run


def _enqueue(stages: Sequence[_Stage]) -> None:
    for stage in stages:
        for _ in range(stage.runs):
            stage.run()


def _enqueue_share(stages: Sequence[_Stage]) -> Callable[[], float]:
    def share() -> float:
        shares = []
        for _ in range(10):
            begin = time.perf_counter_ns()
            _enqueue(stages)
            enqueued = time.perf_counter_ns()
            torch.cuda.synchronize()
            shares.append((enqueued - begin) / max(time.perf_counter_ns() - begin, 1))
        return min(shares)

    return share
