"""Number formats that networks are built in.

``fp16``: inputs, weights and outputs are half precision. Where a provider has no half kernels,
as onnxruntime's CPU provider on x86, the runtime casts and computes in single precision: it
runs, and its latency is that of ``fp32``. ``int8``: see ``quantise``; inputs and outputs are
``fp32``.
"""

from __future__ import annotations

from typing import Literal

Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
