"""onnxruntime, for this one purpose: the coordinator measures no latency."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from help_core.arrays import AnyArray
from help_core.errors import BadInput

Run = Callable[[AnyArray], list[AnyArray]]
"""Images ``[batch, 3, r, r]`` to the model's outputs."""


def load_session(model: onnx.ModelProto, threads: int) -> Run:
    """A model on the CPU; raises ``BadInput`` if onnxruntime is not installed."""
    try:
        import onnxruntime
    except ImportError:
        raise BadInput(
            "validation runs networks with onnxruntime, which is not installed here;"
            " pip install 'help-fleet[validate]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    def run(images: AnyArray) -> list[AnyArray]:
        found: list[AnyArray] = session.run(None, {name: np.ascontiguousarray(images)})
        return found

    return run
