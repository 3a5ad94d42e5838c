"""Dynamic axes: every input axis gets a size before a model is measured."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

from help_core.errors import BadInput
from help_core.graphs.inputs import fed_inputs

BATCH_NAMES = ("batch", "batch_size", "N")
"""Axes of these names take the batch size of the build where no size is given for them."""
MAX_SIZE = 1 << 24
MAX_TOML_BYTES = 64 << 10
_SIZE = re.compile(r"[1-9][0-9]{0,8}")


def read_sizes(path: Path) -> dict[str, int]:
    """The sizes of a TOML file with one table, ``[axes]``: ``seq = 128``, ``"x.0" = 1``.

    Raises ``BadInput`` with the offending key.
    """
    try:
        if path.stat().st_size > MAX_TOML_BYTES:
            raise BadInput(f"{path}: is larger than {MAX_TOML_BYTES} bytes")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path}: is not TOML ({str(error)[:100]})") from None
    unknown = next((key for key in content if key != "axes"), None)
    axes = content.get("axes")
    if unknown is not None or not isinstance(axes, dict):
        raise BadInput(f"{path}: needs one table [axes], with lines such as seq = 128")
    for name, size in axes.items():
        if type(size) is not int or not 1 <= size <= MAX_SIZE:
            raise BadInput(f"{path}: axis {name[:60]!r} needs a whole number from 1 to {MAX_SIZE}")
    return dict(axes)


def parse_sizes(texts: Sequence[str]) -> dict[str, int]:
    """The sizes of ``NAME=SIZE`` texts, as a command line takes them; raises ``BadInput``."""
    sizes: dict[str, int] = {}
    for text in texts:
        name, _, size = text.rpartition("=")
        if not (name and _SIZE.fullmatch(size) and int(size) <= MAX_SIZE):
            raise BadInput(
                f"axis {text[:80]!r} must be NAME=SIZE with a size from 1 to {MAX_SIZE}, "
                "for example seq=128"
            )
        if sizes.setdefault(name, int(size)) != int(size):
            raise BadInput(f"axis {name[:60]!r} is given two sizes")
    return sizes


def fix_sized_axes(model: onnx.ModelProto, sizes: Mapping[str, int]) -> bool:
    """Gives the input axes that ``sizes`` names their size, in place; whether there were any.

    The others stay free: a batch axis without a size takes that of the device.
    """
    chosen: dict[str, int] = {}
    found = False
    for value in fed_inputs(model):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            name = dimension.dim_param
            size = sizes.get(f"{value.name}.{axis}") or (sizes.get(name) if name else None)
            if dimension.HasField("dim_value") or size is None:
                continue
            found = True
            dimension.dim_value = size
            if name:
                chosen[name] = size
    if found:
        _restate_shapes(model, chosen)
    return found


def fix_axes(model: onnx.ModelProto, sizes: Mapping[str, int], batch_size: int) -> None:
    """Gives every axis of every fed input a size, in place.

    ``sizes`` maps the name of an axis, or ``input.axis`` for one without a name, to its size.
    Raises ``BadInput`` for an axis without a size, or if the batch size cannot be had.
    """
    batch_seen = False
    chosen: dict[str, int] = {}
    for value in fed_inputs(model):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if dimension.HasField("dim_value"):
                if not 1 <= dimension.dim_value <= MAX_SIZE:
                    raise BadInput(
                        f"input {value.name[:60]!r}, axis {axis} has size {dimension.dim_value}"
                    )
                continue
            name = dimension.dim_param
            is_batch = name in BATCH_NAMES
            size = _size(name, f"{value.name}.{axis}", sizes, batch_size if is_batch else None)
            batch_seen |= is_batch and size == batch_size
            dimension.dim_value = size
            if name:
                chosen[name] = size
    if batch_size != 1 and not batch_seen:
        raise BadInput(
            f"cannot be built for batch size {batch_size}: it has no free axis named "
            f"{' or '.join(BATCH_NAMES)}"
        )
    _restate_shapes(model, chosen)


def _size(name: str, place: str, sizes: Mapping[str, int], batch_size: int | None) -> int:
    size = sizes.get(place) or (sizes.get(name) if name else None) or batch_size
    if size is None:
        wanted = name or place
        raise BadInput(
            f"axis {wanted[:80]!r} of input {place[:60]!r} has no size; give one, "
            f"as in {wanted[:40]} = 128"
        )
    if not 1 <= size <= MAX_SIZE:
        raise BadInput(f"axis {name[:60]!r}: size {size} is not between 1 and {MAX_SIZE}")
    return size


def _restate_shapes(model: onnx.ModelProto, chosen: Mapping[str, int]) -> None:
    """Gives the outputs the sizes too; shapes inside the model follow from the inputs."""
    del model.graph.value_info[:]
    for output in model.graph.output:
        if output.type.HasField("tensor_type"):
            for dimension in output.type.tensor_type.shape.dim:
                if dimension.dim_param in chosen:
                    dimension.dim_value = chosen[dimension.dim_param]
