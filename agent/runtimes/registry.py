"""Runtimes by name. Nothing is imported before it is asked for: the torch runtime needs torch,
which neither the agent nor any other runtime may load."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from agent.runtimes.base import Runtime, UnknownRuntime

BUILT_IN: Mapping[str, str] = {
    "onnxruntime": "agent.runtimes.onnx_runtime:OnnxRuntime",
    "torch": "agent.runtimes.torch_runtime:TorchRuntime",
}
DEFAULT_PROVIDERS: Mapping[str, str] = {"onnxruntime": "CPUExecutionProvider", "torch": "cpu"}
ENTRY_POINTS = "help_fleet.runtimes"


def find_runtime(name: str) -> Runtime:
    """The runtime of that name, or of the form ``module:Class``.

    Raises ``UnknownRuntime`` if there is none, or what it needs is not installed.
    """
    target = BUILT_IN.get(name) or (name if ":" in name else _entry_point(name))
    module, _, attribute = target.partition(":")
    try:
        runtime: Runtime = getattr(importlib.import_module(module), attribute)()
    except ModuleNotFoundError as error:
        raise UnknownRuntime(
            f"runtime {name!r} needs {error.name}, which is not installed"
        ) from None
    return runtime


def _entry_point(name: str) -> str:
    # Only for names that are not built in: looking through all packages takes a while.
    from importlib.metadata import entry_points

    found = entry_points(group=ENTRY_POINTS)
    if name not in found.names:
        known = ", ".join(sorted({*BUILT_IN, *found.names}))
        raise UnknownRuntime(f"runtime {name!r} is unknown; use {known}")
    return found[name].value
