"""The accuracy model that ships for OFA-MobileNetV3 of width 1.0: a sparse Gaussian process.

At 224 pixels, accuracy is a Gaussian process over an architecture's choices and its physics,
seen through inducing points (subset of regressors with its exact variance correction;
Quiñonero-Candela & Rasmussen, JMLR 2005). It was fitted to measured ImageNet top-1. How
accuracy falls with the resolution, which nobody measured, is learned from once-for-all's own
predictor. ``benchmarks/accuracy_ofa.py`` trains it and scores it on held-out architectures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from help_core.arrays import AnyArray, FloatArray, IntArray
from help_core.errors import BadCheckpoint
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.ofa.costs import help_encoding
from help_core.spaces.ofa.genotype import RESOLUTION
from help_core.spaces.ofa.layers import EXPANSIONS, KERNELS, LAYERS, RESOLUTIONS

FORMAT = "help-fleet ofa accuracy 1"
SHIPPED = "ofa"
BATCH = 8192
STEP_DOUBT = 0.25
"""Deviation of the step from 224 pixels, as a share of it: assumed, since the data have none."""

_CHOICES = LAYERS * (len(KERNELS) + len(EXPANSIONS))
_TOP = len(RESOLUTIONS) - 1
_SPACE = OFAMobileNetV3()
OFA_PHYSICS = 22
"""Columns of the space's physics."""


@dataclass(frozen=True, slots=True)
class OfaNumbers:
    """The arrays of the model; ``m`` inducing points, ``f`` features, ``c`` choices and one."""

    centre: AnyArray
    """``[f]``: subtracted from features."""
    scale: AnyArray
    """``[f]``: multiplied with them; divides by the length scale too."""
    inducing: AnyArray
    """``[m, f]``"""
    alpha: AnyArray
    """``[m]``: weights of the mean, in percent."""
    root_prior: AnyArray
    """``[m, m]``: turns kernel values into whitened ones."""
    root_posterior: AnyArray
    """``[m, m]``: the same, times the root of the posterior."""
    resolution: AnyArray
    """``[2, c]``: percent by linear and squared step from 224 pixels."""
    constants: AnyArray
    """``[4]``: mean accuracy in percent, deviation of the process in points, share of the
    linear kernel, deviation in points of what the process leaves unexplained."""


@dataclass(frozen=True, slots=True)
class OfaAccuracy:
    """The model as an accuracy source that knows how unsure it is."""

    name: str
    numbers: OfaNumbers
    provenance: Mapping[str, Any]
    """How the model was trained and how well it does on architectures that it did not see."""

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """Predicted ImageNet top-1 ``[n]`` in percent of genotypes ``[n, 46]``."""
        result = np.empty(len(genes), dtype=np.float64)
        for start in range(0, len(genes), BATCH):
            part = genes[start : start + BATCH]
            mean = kernel(self.numbers, self._points(part)) @ self.numbers.alpha
            result[start : start + BATCH] = mean + resolution_step(self.numbers, part)
        percent: FloatArray = np.clip(result + self.numbers.constants[0], 0.0, 100.0)
        return percent

    def deviation_percent(self, genes: IntArray) -> FloatArray:
        """Standard deviation ``[n]`` of that prediction, in percentage points."""
        numbers = self.numbers
        _, spread, share, rest = (float(value) for value in numbers.constants)
        result = np.empty(len(genes), dtype=np.float64)
        for start in range(0, len(genes), BATCH):
            part = genes[start : start + BATCH]
            points = self._points(part)
            values = kernel(numbers, points)
            prior = 1.0 + share * (points**2).sum(axis=1)
            known = ((values @ numbers.root_prior) ** 2).sum(axis=1)
            left = ((values @ numbers.root_posterior) ** 2).sum(axis=1)
            variance = spread**2 * np.maximum(prior - known + left, 0.0) + rest**2
            step = STEP_DOUBT * resolution_step(numbers, part)
            result[start : start + BATCH] = np.sqrt(variance + step**2)
        return result

    def _points(self, genes: IntArray) -> AnyArray:
        return scaled(features_at_224(genes), self.numbers)


def features_at_224(genes: IntArray) -> FloatArray:
    """One-hot choices and physics ``[n, f]`` of architectures, their resolution set aside."""
    full = genes.copy()
    full[:, RESOLUTION] = _TOP
    choices = help_encoding(full)[:, :_CHOICES]
    return np.concatenate([choices, _SPACE.features(full, "physics")], axis=1)


def scaled(features: FloatArray, numbers: OfaNumbers) -> AnyArray:
    """Features ``[n, f]`` as the kernel takes them, in single precision."""
    points: AnyArray = ((features - numbers.centre) * numbers.scale).astype(np.float32)
    return points


def kernel(numbers: OfaNumbers, points: AnyArray) -> AnyArray:
    """Covariances ``[n, m]`` of scaled features with the inducing points."""
    return covariance(points, numbers.inducing, float(numbers.constants[2]))


def covariance(first: AnyArray, second: AnyArray, share: float) -> AnyArray:
    """Squared exponential plus ``share`` of a linear kernel; ``[n, m]`` of ``[n, f]``, ``[m, f]``.

    Features come divided by the length scale and by the root of their number.
    """
    product = first @ second.T
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    value: AnyArray = np.exp(np.minimum(product - squares / 2, 0.0))
    value += share * product
    return value


def resolution_step(numbers: OfaNumbers, genes: IntArray) -> FloatArray:
    """What a smaller image than 224 pixels changes, ``[n]`` in percentage points."""
    pixels = np.array(RESOLUTIONS)[genes[:, RESOLUTION]]
    step = resolution_share(pixels)
    linear, squared = numbers.resolution.astype(np.float64) @ choices_and_one(genes).T
    change: FloatArray = linear * step + squared * step**2
    return change


def resolution_share(pixels: IntArray) -> FloatArray:
    """0 at 224 pixels, 1 at 128; ``[n]``."""
    share: FloatArray = (RESOLUTIONS[_TOP] - pixels) / (RESOLUTIONS[_TOP] - RESOLUTIONS[0])
    return share


def choices_and_one(genes: IntArray) -> FloatArray:
    """One-hot choices and a constant, ``[n, c]``."""
    return np.column_stack([help_encoding(genes)[:, :_CHOICES], np.ones(len(genes))])


def save_ofa_accuracy(
    folder: Path, name: str, numbers: OfaNumbers, provenance: Mapping[str, Any]
) -> None:
    """Writes ``NAME.safetensors`` and ``NAME.json``, each whole or not at all."""
    from safetensors.numpy import save

    arrays = {one.name: np.ascontiguousarray(getattr(numbers, one.name)) for one in fields(numbers)}
    data = save(arrays)
    content = {
        "format": FORMAT,
        "numbers_sha256": hashlib.sha256(data).hexdigest(),
        **provenance,
    }
    text = json.dumps(content, indent=2) + "\n"
    for target, raw in ((f"{name}.safetensors", data), (f"{name}.json", text.encode())):
        part = folder / f"{target}.part"
        part.write_bytes(raw)
        part.replace(folder / target)


def load_ofa_accuracy(numbers_file: Traversable, provenance_file: Traversable) -> OfaAccuracy:
    """Reads what ``save_ofa_accuracy`` wrote; raises ``BadCheckpoint``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = numbers_file.read_bytes()
        provenance = json.loads(provenance_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadCheckpoint(f"{numbers_file}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise BadCheckpoint(f"{provenance_file}: not JSON ({error})") from None
    if not isinstance(provenance, dict) or provenance.pop("format", "") != FORMAT:
        raise BadCheckpoint(f"{provenance_file}: not an accuracy model of the format {FORMAT!r}")
    if hashlib.sha256(data).hexdigest() != provenance.pop("numbers_sha256", ""):
        raise BadCheckpoint(
            f"{numbers_file}: is not the file that {provenance_file.name} describes; fetch both"
            " again"
        )
    try:
        numbers = OfaNumbers(**load(data))
    except (SafetensorError, TypeError, ValueError) as error:
        raise BadCheckpoint(f"{numbers_file}: damaged or of another version ({error})") from None
    _check_shapes(numbers_file, numbers)
    return OfaAccuracy("shipped model, ImageNet", numbers, provenance)


def _check_shapes(file: Traversable, numbers: OfaNumbers) -> None:
    points, width = len(numbers.alpha), _CHOICES + OFA_PHYSICS
    expected = {
        "centre": (width,),
        "scale": (width,),
        "inducing": (points, width),
        "alpha": (points,),
        "root_prior": (points, points),
        "root_posterior": (points, points),
        "resolution": (2, _CHOICES + 1),
        "constants": (4,),
    }
    for name, shape in expected.items():
        array = getattr(numbers, name)
        if array.shape != shape or not np.isfinite(array).all():
            raise BadCheckpoint(f"{file}: damaged accuracy model ({name!r} is not {shape}, finite)")


def load_shipped_ofa_accuracy() -> OfaAccuracy:
    """The model that comes with the package."""
    folder = files("help_core") / "assets" / "accuracy"
    return load_ofa_accuracy(folder / f"{SHIPPED}.safetensors", folder / f"{SHIPPED}.json")
