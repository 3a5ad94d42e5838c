"""once-for-all's accuracy predictor, read as its authors released it (``acc_predictor.pth``).

A perceptron of three hidden layers (128-400-400-400-1, rectifiers) over one-hot kernel sizes
and expansions of the 20 layers and the resolution (Cai et al., ICLR 2020; ``ofa/tutorial``).
It ranks well; its absolute value is some points above what the networks of width 1.0 reach.
It was trained on images of 160 to 224 pixels; of smaller ones it knows nothing.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from help_core.arrays import AnyArray, FloatArray, IntArray
from help_core.errors import BadCheckpoint
from help_core.spaces.ofa.costs import help_encoding
from help_core.spaces.ofa.genotype import RESOLUTION
from help_core.spaces.ofa.layers import EXPANSIONS, KERNELS, LAYERS, RESOLUTIONS

INPUTS = 128
HIDDEN = 400
LINEAR_LAYERS = (0, 2, 4, 6)
"""Places of the linear layers in the file's ``Sequential``; the others are rectifiers."""

_CHOICES = LAYERS * (len(KERNELS) + len(EXPANSIONS))
_LOWEST_RESOLUTION, _RESOLUTION_STEP = 112, 16
KNOWN_RESOLUTIONS = tuple(range(160, 225, _RESOLUTION_STEP))
"""Those that its authors search among; the inputs of lower ones were never trained."""
BATCH = 16_384
MAX_FILE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class OnceForAllPredictor:
    """The released network as an accuracy source of the space ``ofa``."""

    name: str
    weights: tuple[tuple[AnyArray, AnyArray], ...]
    """Matrix ``[inputs, outputs]`` and bias ``[outputs]`` of each linear layer."""

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """Its output ``[n]`` for genotypes ``[n, 46]``, as percent; comparable, not absolute.

        NaN below 160 pixels.
        """
        result = np.empty(len(genes), dtype=np.float64)
        for start in range(0, len(genes), BATCH):
            part = slice(start, start + BATCH)
            value: AnyArray = encode(genes[part]).astype(np.float32)
            for matrix, bias in self.weights[:-1]:
                value = np.maximum(value @ matrix + bias, 0)
            matrix, bias = self.weights[-1]
            result[part] = 100.0 * (value @ matrix + bias)[:, 0]
        pixels = np.array(RESOLUTIONS)[genes[:, RESOLUTION]]
        return np.where(pixels < KNOWN_RESOLUTIONS[0], np.nan, result)


def encode(genes: IntArray) -> FloatArray:
    """The 128 inputs of genotypes ``[n, 46]``.

    Resolutions are counted in steps of 16 pixels from 112, rounded down: between two of them
    the predictor knows no difference.
    """
    choices = help_encoding(genes)[:, :_CHOICES]
    pixels = np.array(RESOLUTIONS)[genes[:, RESOLUTION]]
    steps = (pixels - _LOWEST_RESOLUTION) // _RESOLUTION_STEP
    resolution = steps[:, None] == np.arange(INPUTS - _CHOICES)
    return np.concatenate([choices, resolution], axis=1).astype(np.float64)


def load_once_for_all_predictor(path: Path) -> OnceForAllPredictor:
    """Reads ``acc_predictor.pth`` with torch's restricted unpickler; raises ``BadCheckpoint``."""
    state = read_state(path)
    weights: list[tuple[AnyArray, AnyArray]] = []
    sizes = (INPUTS, HIDDEN, HIDDEN, HIDDEN, 1)
    for place, inside, outside in zip(LINEAR_LAYERS, sizes[:-1], sizes[1:], strict=True):
        matrix = _tensor(path, state, f"{place}.weight", (outside, inside))
        bias = _tensor(path, state, f"{place}.bias", (outside,))
        weights.append((np.ascontiguousarray(matrix.T), bias))
    return OnceForAllPredictor(f"once-for-all's predictor, {path.name}", tuple(weights))


def read_state(path: Path) -> Mapping[str, Any]:
    """The tensors of a file of ``torch.save`` by name, on the CPU; raises ``BadCheckpoint``.

    A ``state_dict`` inside, as once-for-all's supernets have, is taken out. Only tensors and
    plain containers are unpickled, so nothing in the file can be executed.
    """
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BadCheckpoint(f"{path}: cannot be read ({error.strerror or error})") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise BadCheckpoint(f"{path}: not weights saved by torch ({reason})") from None
    except (zipfile.BadZipFile, IndexError, TypeError, AttributeError, AssertionError):
        raise BadCheckpoint(f"{path}: not weights saved by torch, or damaged") from None
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise BadCheckpoint(f"{path}: holds a {type(content).__name__}, not tensors by name")
    return content


def _tensor(path: Path, state: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> AnyArray:
    tensor = state.get(name)
    found = tuple(getattr(tensor, "shape", ()))
    if tensor is None or found != shape:
        raise BadCheckpoint(
            f"{path}: not once-for-all's accuracy predictor ({name} is"
            f" {'missing' if tensor is None else found}, expected {shape})"
        )
    array: AnyArray = tensor.float().numpy()
    if not np.isfinite(array).all():
        raise BadCheckpoint(f"{path}: {name} holds numbers that are not finite")
    return array
