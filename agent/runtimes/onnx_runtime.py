"""onnxruntime with any execution provider of the installed build."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnxruntime

from agent.runtimes.base import Loaded, NoProvider, StageFiles

CPU = "CPUExecutionProvider"
DEVICE_MEMORY: Mapping[str, str] = {
    "CUDAExecutionProvider": "cuda",
    "TensorrtExecutionProvider": "cuda",
    "NvTensorRTRTXExecutionProvider": "cuda",
    "MIGraphXExecutionProvider": "cuda",
    "ROCMExecutionProvider": "cuda",
    "DmlExecutionProvider": "dml",
}
"""Providers with memory of their own: their inputs and outputs are bound there beforehand."""

RECORD_ASSIGNMENT = "session.record_ep_graph_assignment_info"
REFUSE_FALLBACK = "session.disable_cpu_ep_fallback"
ENQUEUE_ONLY = "disable_synchronize_execution_providers"


class OnnxRuntime:
    """Implements ``Runtime``."""

    def providers(self) -> Sequence[str]:
        """Execution providers of the installed build."""
        found: list[str] = onnxruntime.get_available_providers()
        return found

    def load(self, stages: Sequence[StageFiles], provider: str, threads: int) -> Loaded:
        """One session per stage, with the proof of where its nodes run."""
        if provider not in self.providers():
            raise NoProvider(f"provider {provider} is not among {', '.join(self.providers())}")
        begin = time.perf_counter_ns()
        sessions = [_Session(stage, provider, threads) for stage in stages]
        session_ms = (time.perf_counter_ns() - begin) / 1e6
        memory = DEVICE_MEMORY.get(provider)
        return Loaded(
            run=_chain([(session.runner(memory), session.stage.runs) for session in sessions]),
            output_shapes=lambda: [session.output_shapes() for session in sessions],
            session_ms=session_ms,
            facts={
                "runtime": f"onnxruntime {onnxruntime.__version__} {_build()}",
                "copies": "excluded" if memory else "none",
            },
            assignment=_total([session.assignment for session in sessions]),
            enqueue_share=(lambda: _enqueue_share(sessions)) if memory else None,
        )


class _Session:
    """One stage: its session, its inputs, and where its nodes were put."""

    def __init__(self, stage: StageFiles, provider: str, threads: int) -> None:
        self.stage = stage
        self.session, self.assignment = _open(stage.model, provider, threads)
        with np.load(stage.inputs, allow_pickle=False) as arrays:
            self.inputs = {name: arrays[name] for name in arrays.files}
        self.binding: Any = None

    def runner(self, memory: str | None) -> Callable[[], object]:
        """One run of this stage."""
        if memory is None:
            return partial(self.session.run, None, self.inputs)
        self.binding = self.session.io_binding()
        for name, array in self.inputs.items():
            value = onnxruntime.OrtValue.ortvalue_from_numpy(array, memory, 0)
            self.binding.bind_ortvalue_input(name, value)
        for output in self.session.get_outputs():
            self.binding.bind_output(output.name, memory, 0)
        # Synchronised at its end by onnxruntime: the figure is that of finished work.
        return partial(self.session.run_with_iobinding, self.binding)

    def output_shapes(self) -> dict[str, tuple[int, ...]]:
        """Runs once."""
        names = [output.name for output in self.session.get_outputs()]
        arrays = self.session.run(None, self.inputs)
        return {name: tuple(array.shape) for name, array in zip(names, arrays, strict=True)}


def _open(model: str, provider: str, threads: int) -> tuple[Any, Counter[str] | None]:
    """A session and its nodes by provider.

    ``get_providers()`` proves nothing: it lists what was asked for. Builds from 1.24 on record
    the assignment; older ones can at least refuse to fall back.
    """
    options = _options(threads)
    options.add_session_config_entry(RECORD_ASSIGNMENT, "1")
    if hasattr(onnxruntime.InferenceSession, "get_provider_graph_assignment_info"):
        session = onnxruntime.InferenceSession(model, options, providers=[provider])
        _refuse_replaced(session, provider)
        counts: Counter[str] = Counter()
        for subgraph in session.get_provider_graph_assignment_info():
            counts[subgraph.ep_name] += len(subgraph.get_nodes())
        return session, counts
    if provider == CPU:
        return onnxruntime.InferenceSession(model, options, providers=[CPU]), None
    options.add_session_config_entry(REFUSE_FALLBACK, "1")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=[provider])
    except Exception as error:
        if "fallback" not in str(error).lower():
            raise
        session = onnxruntime.InferenceSession(model, _options(threads), providers=[provider])
        _refuse_replaced(session, provider)
        return session, Counter({CPU: 1})
    return session, Counter({provider: 1})


def _refuse_replaced(session: Any, provider: str) -> None:
    # Where CUDA or TensorRT cannot start, onnxruntime warns and takes the processor instead.
    if provider not in session.get_providers():
        raise NoProvider(f"provider {provider} is in this build but cannot start on this machine")


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _chain(stages: Sequence[tuple[Callable[[], object], int]]) -> Callable[[], object]:
    if len(stages) == 1 and stages[0][1] == 1:
        return stages[0][0]

    def run_stages() -> None:
        for run, runs in stages:
            for _ in range(runs):
                run()

    return run_stages


def _enqueue_share(sessions: Sequence[_Session]) -> float:
    """Time until all work is handed out over the time until it is done, of the best of ten."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry(ENQUEUE_ONLY, "1")
    shares = []
    for _ in range(10):
        begin = time.perf_counter_ns()
        for session in sessions:
            for _ in range(session.stage.runs):
                session.session.run_with_iobinding(session.binding, options)
        enqueued = time.perf_counter_ns()
        for session in sessions:
            session.binding.synchronize_outputs()
        shares.append((enqueued - begin) / max(time.perf_counter_ns() - begin, 1))
    return min(shares)


def _total(parts: Sequence[Counter[str] | None]) -> Mapping[str, int] | None:
    known = [part for part in parts if part is not None]
    return dict(sum(known, Counter())) if len(known) == len(parts) else None


def _build() -> str:
    # The information is one line of pairs with commas between them.
    for part in onnxruntime.get_build_info().split(","):
        name, _, value = part.strip().partition("=")
        if name == "git-commit-id":
            return str(value)
    return "unknown"
