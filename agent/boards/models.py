"""Models, inputs and the jobs of measuring processes, as files in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from agent.measure.loop import Plan
from help_core.graphs.inputs import random_inputs
from help_core.records import Settings
from help_core.spaces import Stage

INPUT_SEED = 0


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model that is ready to be measured."""

    folder: Path
    stages: tuple[dict[str, Any], ...]
    sha256: str
    settings: Settings
    build_ms: float

    def job(
        self, plan: Plan, *, mode: str = "latency", memory_limit_bytes: int | None = None
    ) -> dict[str, Any]:
        """What the measuring process is told."""
        return {
            "runtime": self.settings.runtime,
            "provider": self.settings.provider,
            "threads": self.settings.threads,
            "stages": list(self.stages),
            "plan": asdict(plan),
            "mode": mode,
            "memory_limit_bytes": memory_limit_bytes,
        }


def write_model(
    stages: Sequence[Stage], settings: Settings, build_ms: float, folder: Path
) -> ModelFiles:
    """Writes models and inputs into ``folder``; raises ``BadInput`` for inputs not to be fed."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    entries = []
    for index, stage in enumerate(stages):
        model, inputs = folder / f"{index}.onnx", folder / f"{index}.npz"
        data = stage.model.SerializeToString(deterministic=True)
        digest.update(data)
        model.write_bytes(data)
        rng = np.random.default_rng(INPUT_SEED)
        np.savez(inputs, **random_inputs(stage.model, rng))  # type: ignore[arg-type]
        entries.append(
            {
                "model": str(model),
                "inputs": str(inputs),
                "runs": stage.runs,
                "outputs": _fixed_shapes(stage.model),
            }
        )
    return ModelFiles(folder, tuple(entries), digest.hexdigest(), settings, build_ms)


def _fixed_shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """The outputs whose shapes the model declares in full."""
    shapes = {}
    for output in model.graph.output:
        tensor = output.type.tensor_type
        if tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim):
            shapes[output.name] = [d.dim_value for d in tensor.shape.dim]
    return shapes
