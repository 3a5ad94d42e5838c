"""All checks of one model file, and the child process that runs them.

The checker and the shape inference of onnx are native code, and even parsing can take a
thousand times the size of a file. So a file that nobody vouches for is looked at in a process
of its own, with bounds on its memory and time; whatever ends that process ends only it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from help_core.errors import BadInput
from help_core.spaces.own.axes import fix_axes, fix_sized_axes
from help_core.spaces.own.costs import count_multiply_adds, count_parameters
from help_core.spaces.own.external import embed_external_data
from help_core.spaces.own.limits import Limits
from help_core.spaces.own.structure import check_structure

MAX_REASON_CHARS = 300


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks of a model found."""

    sha256: str
    """Of the ``.onnx`` file."""
    parameters: int
    multiply_adds: int | None
    """Of one run, or None where they cannot be counted."""
    unknown_because: str = ""
    """Why ``multiply_adds`` is None."""


def read_model_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a model file; raises ``BadInput`` if it is missing, empty or too large."""
    try:
        size = path.stat().st_size
        if not path.is_file() or not 0 < size <= limits.model_bytes:
            raise BadInput(f"has {size} bytes; a model has 1 to {limits.model_bytes}")
        with path.open("rb") as file:
            return file.read(limits.model_bytes + 1)
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})") from None


def load_model(
    data: bytes, folder: Path, sizes: Mapping[str, int], batch_size: int, limits: Limits
) -> onnx.ModelProto:
    """The model of a file's bytes with its external data and fixed shapes, checked in Python.

    Raises ``BadInput``; does not run native checks.
    """
    model, _ = _parse(data, folder, limits)
    fix_axes(model, sizes, batch_size)
    return model


def pack_model(data: bytes, folder: Path, sizes: Mapping[str, int], limits: Limits) -> bytes:
    """A checked model as one file that needs nothing beside it, for a wire.

    Its external data are inside and the axes that ``sizes`` names are fixed. If it has neither,
    these are the bytes of the file itself. Raises ``BadInput``.
    """
    model, embedded = _parse(data, folder, limits)
    fixed = fix_sized_axes(model, sizes)
    packed: bytes = model.SerializeToString(deterministic=True) if embedded or fixed else data
    return packed


def _parse(data: bytes, folder: Path, limits: Limits) -> tuple[onnx.ModelProto, bool]:
    """The model with its external data, and whether it had any."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise BadInput("is not an ONNX model, or is damaged") from None
    check_structure(model, limits)
    return model, embed_external_data(model, folder, len(data), limits)


def inspect_model(
    data: bytes, folder: Path, sizes: Mapping[str, int], batch_size: int, limits: Limits
) -> Facts:
    """All checks of a model file's bytes; raises ``BadInput``.

    Runs native code of onnx on the bytes: call it in a process that may die.
    """
    model = load_model(data, folder, sizes, batch_size, limits)
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        # The checker raises errors of many kinds, which share no base but this one.
        raise BadInput(f"fails onnx.checker: {_one_line(error)}") from None
    try:
        multiply_adds, reason = count_multiply_adds(model), ""
    except Exception as error:
        multiply_adds, reason = None, _one_line(error)
    digest = hashlib.sha256(data).hexdigest()
    return Facts(digest, count_parameters(model), multiply_adds, reason)


def inspect_in_child(
    path: Path, sizes: Mapping[str, int], batch_size: int, limits: Limits
) -> Facts:
    """``inspect_model`` of a file in a bounded process of its own; raises ``BadInput``."""
    request = {
        "path": str(path.resolve()),
        "sizes": dict(sizes),
        "batch_size": batch_size,
        "limits": {**asdict(limits), "domains": sorted(limits.domains)},
    }
    # -P: a file named json.py in the working folder is not to be imported.
    command = [sys.executable, "-P", "-m", "help_core.spaces.own.child"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=2 * limits.seconds + 10,
            env={**os.environ, "PYTHONPATH": _search_path()},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadInput(f"took longer than {limits.seconds} s to check") from None
    return _answer(done)


def _search_path() -> str:
    """Where the child finds this package first: where this process found it."""
    root = str(Path(__file__).resolve().parents[3])
    return os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])


def _answer(done: subprocess.CompletedProcess[str]) -> Facts:
    last = done.stdout.strip().splitlines()[-1:] or [""]
    try:
        answer = json.loads(last[0])
    except json.JSONDecodeError:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        raise BadInput(
            f"ended the process that checked it ({how}); it is damaged or needs more memory or "
            "time than the limits allow"
        ) from None
    if "refused" in answer:
        raise BadInput(str(answer["refused"]))
    return Facts(**answer)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= MAX_REASON_CHARS else text[:MAX_REASON_CHARS] + "…"
