"""External data: weights in files beside the model, brought into it.

A model names those files itself, so they are held to the model's own folder: no absolute path,
no ``..``, no link that leads out, and no range beyond the end of a file.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx
from onnx import TensorProto

from help_core.errors import BadInput
from help_core.spaces.own.limits import Limits
from help_core.spaces.own.structure import all_tensors


def embed_external_data(
    model: onnx.ModelProto, folder: Path, file_bytes: int, limits: Limits
) -> bool:
    """Replaces references to files in ``folder`` by their bytes; whether there were any.

    ``file_bytes`` is the size of the model file, which counts for ``limits.model_bytes``.
    Raises ``BadInput`` for a reference that leads elsewhere or does not fit its file.
    """
    total, found = file_bytes, False
    for tensor in all_tensors(model.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        path, offset, length = _reference(tensor, folder)
        total, found = total + length, True
        if total > limits.model_bytes:
            raise BadInput(f"is with its external data larger than {limits.model_bytes} bytes")
        with path.open("rb") as file:
            file.seek(offset)
            tensor.raw_data = file.read(length)
        del tensor.external_data[:]
        tensor.ClearField("data_location")
    return found


def _reference(tensor: TensorProto, folder: Path) -> tuple[Path, int, int]:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = _inside(entries.get("location", ""), folder, tensor.name)
    size = path.stat().st_size
    offset = _whole_number(entries.get("offset", "0"), "offset", tensor.name)
    length = _whole_number(entries.get("length", str(size - offset)), "length", tensor.name)
    if offset + length > size:
        raise BadInput(
            f"tensor {tensor.name[:60]!r} needs bytes {offset} to {offset + length} of "
            f"{path.name[:60]!r}, which has {size}; the file is damaged or of another model"
        )
    return path, offset, length


def _inside(location: str, folder: Path, tensor: str) -> Path:
    parts = {*PurePosixPath(location).parts, *PureWindowsPath(location).parts}
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).drive
    if not location or "\0" in location or absolute or ".." in parts or len(location) > 255:
        raise BadInput(
            f"tensor {tensor[:60]!r} keeps its data in {location[:80]!r}; "
            "external data must lie in the model's folder"
        )
    try:
        path = (folder / location).resolve(strict=True)
        found = path.is_file()
    except (OSError, RuntimeError):
        found = False
    if not found:
        raise BadInput(
            f"tensor {tensor[:60]!r} keeps its data in {location[:80]!r}, which is not there; "
            "put the file beside the model"
        )
    if not path.is_relative_to(folder.resolve()):
        raise BadInput(f"{location[:80]!r} leads out of the model's folder")
    return path


def _whole_number(text: str, what: str, tensor: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise BadInput(f"tensor {tensor[:60]!r} has external {what} {text[:30]!r}, not a number")
    return int(text)
