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
"""Principal ways of differing that are kept."""
TILES = np.array([1, 1, 4, 8, 16, 32, 64, 128])
PIXELS = np.array([1, 1, 1, 4, 16, 64, 256])


@dataclass(frozen=True, slots=True)
class SimulatedDevices:
    """The ways in which simulated devices differ, as costs per kind of layer."""

    ways: FloatArray
    """``[kinds + 1, components]``; the last row is of a layer that is not there."""

    @classmethod
    def draw(cls, space: SteppedSpace, references: IntArray, seed: int = 0) -> SimulatedDevices:
        """Relative to the mean latency of the references ``[r, genes]``."""
        steps, kinds = space.layer_steps(), space.layer_kinds(references)
        share = np.bincount(kinds[kinds >= 0], minlength=len(steps)) / len(references)
        costs = _costs(steps, share, np.random.default_rng(seed))
        costs /= share @ costs
        costs = np.vstack([costs, np.zeros(costs.shape[1])])
        costs -= costs.mean(axis=1, keepdims=True)
        latency = _sum(costs, kinds)
        latency -= latency.mean(axis=0)
        _, values, rotation = np.linalg.svd(latency, full_matrices=False)
        kept = min(COMPONENTS, int((values > 1e-6 * values[0]).sum()))
        return cls(costs @ rotation[:kept].T)

    def deviations(self, space: SteppedSpace, genes: IntArray) -> FloatArray:
        """How simulated devices differ on genotypes ``[n, genes]``; ``[n, components]``."""
        return _sum(self.ways, space.layer_kinds(genes))


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
    """Time for each kind of layer ``[kinds]``; all spreads are of logarithms."""
    normal = rng.normal
    compute = field["dense"] + field["grouped"] * np.exp(0.3 + 0.6 * normal())
    window = np.where(field["kernel"] > 3, np.exp(0.4 * normal()), 1.0)
    compute = compute + field["depthwise"] * window * np.exp(1.2 + 1.0 * normal())
    compute = compute + field["elementwise"] * np.exp(0.5 + 1.0 * normal())
    # A depthwise filter has one input channel, whatever the tile.
    inside = np.where(field["depthwise"] > 0, 0, field["inside"])
    for amount, tiles in ((field["outside"], TILES), (inside, TILES), (field["pixels"], PIXELS)):
        compute = compute / _filled(amount, int(rng.choice(tiles)))
    cache = np.exp(np.log(5e4) + 1.5 * normal())
    spill = 1 + np.exp(normal()) / (1 + (cache / np.maximum(field["activations"], 1)) ** 2)
    moved = field["activations"] * spill + field["weights"] * np.exp(1.5 * normal())
    parts = [one / (share @ one.sum(axis=1)) for one in (compute, moved, runs)]
    weight = np.exp(np.array([0.5, 0.0, -0.5]) + 1.2 * normal(size=3))
    # From adding computing and moving up to hiding the shorter behind the longer.
    power = rng.choice([1.0, 2.0, 8.0])
    busy = ((weight[0] * parts[0]) ** power + (weight[1] * parts[1]) ** power) ** (1 / power)
    time: FloatArray = (busy + weight[2] * parts[2]).sum(axis=1)
    return time


def _filled(amount: FloatArray, tile: int) -> FloatArray:
    """Share of its tiles that an amount fills; 1 where there is nothing to fill."""
    filled: FloatArray = np.where(amount > 0, amount / (np.ceil(amount / tile) * tile + 1e-9), 1.0)
    return filled
