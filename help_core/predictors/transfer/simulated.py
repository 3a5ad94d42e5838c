"""Devices that nobody built: rooflines with random figures, as a prior over real ones.

Each simulated device takes, for a step, the longer of computing and moving data, or their
sum, and a fixed time for launching it (Williams, Waterman & Patterson, CACM 2009, and what
it leaves out: rates by class of work, tiles of channels and pixels that are filled or not,
caches that hold a layer or do not). Rates, tiles and balances are drawn wide. What all of them do
alike, and how they differ, is knowledge of devices that needs no device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from help_core.arrays import FloatArray, IntArray
from help_core.spaces.steps import STEP_FIELDS, SteppedSpace

DEVICES = 400
COMPONENTS = 32
CLASSES = ("dense", "grouped", "depthwise", "elementwise")
TILES = np.array([1, 1, 4, 8, 16, 32, 64, 128])
PIXEL_TILES = np.array([1, 1, 1, 4, 16, 64, 256])


@dataclass(frozen=True, slots=True)
class SimulatedDevices:
    """The ways in which simulated devices differ, as costs per kind of layer."""

    mean: FloatArray
    """Cost of each kind on the mean simulated device, ``[kinds + 1]``; the last is of none."""
    ways: FloatArray
    """``[kinds + 1, components]``."""

    @classmethod
    def draw(cls, space: SteppedSpace, references: IntArray, seed: int = 0) -> SimulatedDevices:
        """Relative to the mean latency of the references ``[r, genes]``."""
        steps, kinds = space.layer_steps(), space.layer_kinds(references)
        share = np.bincount(kinds[kinds >= 0], minlength=len(steps)) / len(references)
        costs = _costs(steps, share, np.random.default_rng(seed))
        costs /= share @ costs
        costs = np.vstack([costs, np.zeros(costs.shape[1])])
        mean = costs.mean(axis=1)
        latency = _sum(costs - mean[:, None], kinds)
        latency -= latency.mean(axis=0)
        _, values, rotation = np.linalg.svd(latency, full_matrices=False)
        kept = min(COMPONENTS, int((values > 1e-6 * values[0]).sum()))
        ways = (costs - mean[:, None]) @ rotation[:kept].T
        return cls(mean, ways)

    def latency(self, space: SteppedSpace, genes: IntArray) -> tuple[FloatArray, FloatArray]:
        """Of the mean simulated device ``[n]``, and along each way of differing ``[n, ways]``."""
        kinds = space.layer_kinds(genes)
        return _sum(self.mean[:, None], kinds)[:, 0], _sum(self.ways, kinds)


def _sum(costs: FloatArray, kinds: IntArray) -> FloatArray:
    total = np.zeros((len(kinds), costs.shape[1]))
    for layer in kinds.T:
        total += costs[layer]
    return total


def _costs(steps: FloatArray, share: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Time for each kind of layer on each device, ``[kinds, devices]``."""
    field = {name: steps[:, :, place] for place, name in enumerate(STEP_FIELDS)}
    runs = (field["pixels"] > 0).astype(np.float64)
    columns = [_device(field, runs, share, rng) for _ in range(DEVICES)]
    return np.column_stack(columns)


def _device(
    field: dict[str, FloatArray], runs: FloatArray, share: FloatArray, rng: np.random.Generator
) -> FloatArray:
    normal = rng.normal
    compute = field["dense"] + field["grouped"] * np.exp(0.3 + 0.6 * normal())
    window = np.where(field["kernel"] > 3, np.exp(0.4 * normal()), 1.0)
    compute = compute + field["depthwise"] * window * np.exp(1.2 + 1.0 * normal())
    compute = compute + field["elementwise"] * np.exp(0.5 + 1.0 * normal())
    deep = field["depthwise"] > 0
    for name in ("outside", "inside"):
        tile = rng.choice(TILES)
        amount = np.where(deep, np.maximum(field[name], 1), field[name])
        if name == "inside":
            amount = np.where(deep, tile, amount)
        filled = amount / (np.ceil(np.maximum(amount, 1) / tile) * tile)
        compute = compute / np.maximum(filled, 1e-3)
    tile = rng.choice(PIXEL_TILES)
    compute = compute / np.maximum(
        field["pixels"] / (np.ceil(np.maximum(field["pixels"], 1) / tile) * tile), 1e-3
    )
    cache = np.exp(np.log(5e4) + 1.5 * normal())
    spill = 1 + np.exp(normal()) / (1 + (cache / np.maximum(field["activations"], 1)) ** 2)
    moved = field["activations"] * spill + field["weights"] * np.exp(1.5 * normal())
    parts = [one / (share @ one.sum(axis=1)) for one in (compute, moved, runs)]
    weight = np.exp(np.array([0.5, 0.0, -0.5]) + 1.2 * normal(size=3))
    power = rng.choice([1.0, 2.0, 8.0])
    busy = ((weight[0] * parts[0]) ** power + (weight[1] * parts[1]) ** power) ** (1 / power)
    time: FloatArray = (busy + weight[2] * parts[2]).sum(axis=1)
    return time
