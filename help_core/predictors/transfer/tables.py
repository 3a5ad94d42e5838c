"""Training devices as smooth functions: each table regressed on features of its network.

A table is noisy and has only some architectures. Its denoised form predicts every
architecture of the space, which is what transfer to another device builds on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from help_core.arrays import AnyArray, FloatArray, IntArray
from help_core.errors import BadTable

FAILED_BELOW_MEDIAN = 0.08
"""Latencies under this share of the median are failed measurements (raspi4: 0.01 of 25 ms)."""

OUTLIERS_ABOVE_PERCENTILE = 99.5
FEWEST_ROWS = 10
NOISE_GRID = np.logspace(-5, 0.5, 18)


@dataclass(frozen=True, slots=True)
class DeviceTables:
    """Denoised latencies of training devices, each scaled to mean 1 over its table."""

    devices: tuple[str, ...]
    weights: FloatArray
    """``[basis, devices]``, for the columns of ``basis.joined``."""
    offsets: FloatArray
    noise: FloatArray
    """Relative standard deviation of a measurement about its denoised value, ``[devices]``."""

    @classmethod
    def fit(
        cls, devices: tuple[str, ...], features: Sequence[FloatArray], latency_ms: FloatArray
    ) -> DeviceTables:
        """From latencies ``[n, devices]`` with gaps as NaN, and features ``[n, basis]``.

        Several features are several readings of the same architectures; each device is
        explained by the one that explains it best. Raises ``BadTable`` if a device has too
        few rows or a constant column.
        """
        fits = [
            max(
                (_fit_device(device, reading, latency_ms[:, column]) for reading in features),
                key=lambda fit: fit.log_evidence,
            )
            for column, device in enumerate(devices)
        ]
        width = features[0].shape[1]
        return cls(
            devices,
            np.column_stack([fit.weights for fit in fits]) if fits else np.empty((width, 0)),
            np.array([fit.offset for fit in fits]),
            np.array([fit.noise for fit in fits]),
        )

    def take(self, rows: IntArray) -> DeviceTables:
        """Some of the devices."""
        return DeviceTables(
            tuple(self.devices[row] for row in rows),
            self.weights[:, rows],
            self.offsets[rows],
            self.noise[rows],
        )

    def predict(self, features: FloatArray) -> FloatArray:
        """Relative latencies ``[n, devices]`` of features ``[n, basis]``, positive."""
        relative: FloatArray = np.maximum(features @ self.weights + self.offsets, 0.01)
        return relative


class _DeviceFit(NamedTuple):
    weights: FloatArray
    offset: float
    noise: float
    log_evidence: float


def _fit_device(device: str, features: FloatArray, latency_ms: FloatArray) -> _DeviceFit:
    usable, target = _cleaned(device, latency_ms)
    x, mean, deviation = features[usable], target.mean(), target.std()
    y = (target - mean) / deviation
    values, vectors = np.linalg.eigh(x.T @ x)
    values = np.maximum(values, 0)
    projected = vectors.T @ (x.T @ y)
    evidence = [_log_evidence(values, projected, y, noise) for noise in NOISE_GRID]
    noise = float(NOISE_GRID[int(np.argmax(evidence))])
    weights = vectors @ (projected / (values + noise)) * deviation
    fitted_mean = float((features @ weights).mean() + mean)
    return _DeviceFit(
        weights / fitted_mean,
        float(mean / fitted_mean),
        float(np.sqrt(noise) * deviation / fitted_mean),
        max(evidence),
    )


def _cleaned(device: str, latency_ms: FloatArray) -> tuple[AnyArray, FloatArray]:
    """Which rows hold usable latencies, and those latencies with outliers clipped."""
    present = np.isfinite(latency_ms)
    if present.sum() < FEWEST_ROWS:
        raise BadTable(
            f"training device {device!r} has {int(present.sum())} latencies;"
            f" give at least {FEWEST_ROWS} or leave it out"
        )
    median = np.median(latency_ms[present])
    usable = present & (np.where(present, latency_ms, 0) > FAILED_BELOW_MEDIAN * median)
    kept = latency_ms[usable]
    target = np.minimum(kept, np.percentile(kept, OUTLIERS_ABOVE_PERCENTILE))
    if np.ptp(target) == 0:
        raise BadTable(f"training device {device!r} has the same latency everywhere; leave it out")
    return usable, target


def _log_evidence(values: FloatArray, projected: FloatArray, y: FloatArray, noise: float) -> float:
    """Of Bayesian linear regression with unit prior, up to a constant (Bishop, eq. 3.86)."""
    residual = y @ y - (projected**2 / (values + noise)).sum()
    return float(
        -0.5 * (residual / noise + np.log1p(values / noise).sum() + len(y) * np.log(noise))
    )
