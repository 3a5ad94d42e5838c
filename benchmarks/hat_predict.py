"""Few measurements on HAT's tables, which hold ten features and no architectures.

    HELP_REFERENCE_DATA=… python benchmarks/hat_predict.py [--repeats 30]

The tables give averages over layers, from which genotypes cannot be recovered, so ``transfer``,
which predicts architectures, cannot be scored on them. Here a Gaussian process on the features
stands in: linear and smooth in the ten features, and linear in what the two other devices of the
same task take (each a ridge regression of logarithms on features and their products, over its
own first 1,500 rows). The support is random among the target's first 1,500 rows; its last 500
are scored. Scales and noise are those of the greatest evidence of the support on a fixed grid.
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from help_core.arrays import FloatArray
from help_core.tables.hat_csv import HatLatencies, read_hat_csv

TASKS = ("wmt14ende", "wmt14enfr")
DEVICES = ("cpu_raspberrypi", "cpu_xeon", "gpu_titanxp")
TRAINING = 1500
PARTS = ("encoder", "decoder", "total")
GRID = tuple(itertools.product((0.01, 0.1, 0.3), (0.01, 0.1), (0.0, 0.3, 1.0), (0.01, 0.05, 0.2)))
"""Scales of features, smooth functions and other devices, and noise."""


def latency(table: HatLatencies, part: str) -> FloatArray:
    """``[n]`` ms."""
    found: FloatArray = getattr(table, f"{part}_ms")
    return found


def products(scaled: FloatArray) -> FloatArray:
    """Features ``[n, 10]`` with their squares and products."""
    first, second = np.triu_indices(scaled.shape[1])
    return np.column_stack([np.ones(len(scaled)), scaled, scaled[:, first] * scaled[:, second]])


def teach(table: HatLatencies, part: str, scaled: FloatArray, query: FloatArray) -> FloatArray:
    """What another device takes, in logarithms about its mean, for features ``query``."""
    x, y = products(scaled[:TRAINING]), np.log(latency(table, part)[:TRAINING])
    weights = np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ (y - y.mean()))
    taught: FloatArray = products(query) @ weights
    return taught


def kernel(first: FloatArray, second: FloatArray, scales: tuple[float, ...]) -> FloatArray:
    """Of rows of ten features and the two other devices."""
    linear, smooth, others, _ = scales
    distance = ((first[:, None, :10] - second[None, :, :10]) ** 2).mean(axis=2)
    inner = linear**2 * first[:, :10] @ second[:, :10].T + smooth**2 * np.exp(-0.5 * distance)
    total: FloatArray = inner + others**2 * first[:, 10:] @ second[:, 10:].T + 1.0
    return total


def predict(known: FloatArray, target: FloatArray, query: FloatArray) -> FloatArray:
    """Logarithms of latencies of ``query`` from those of the support."""
    centre = target.mean()
    best, answer = -np.inf, np.zeros(len(query))
    for scales in GRID:
        inner = kernel(known, known, scales) + scales[3] ** 2 * np.eye(len(known))
        solved = np.linalg.solve(inner, target - centre)
        evidence = -(target - centre) @ solved - np.linalg.slogdet(inner)[1]
        if evidence > best:
            best, answer = float(evidence), centre + kernel(query, known, scales) @ solved
    return answer


def score(
    tables: dict[str, HatLatencies], device: str, part: str, count: int, alone: bool, repeats: int
) -> float:
    """Mean Spearman correlation over random supports."""
    target = tables[device]
    mean, deviation = target.features.mean(axis=0), target.features.std(axis=0)
    deviation[deviation == 0] = 1  # every encoder has six layers
    scaled = {name: (one.features - mean) / deviation for name, one in tables.items()}
    others = [
        teach(one, part, scaled[name], scaled[device])
        for name, one in tables.items()
        if name != device
    ]
    inputs = np.column_stack([scaled[device], *(0 * o if alone else o for o in others)])
    measured = latency(target, part)
    found = []
    for repeat in range(repeats):
        rows = np.random.default_rng(repeat).choice(TRAINING, count, replace=False)
        guess = predict(inputs[rows], np.log(measured[rows]), inputs[TRAINING:])
        found.append(spearmanr(guess, measured[TRAINING:]).statistic)
    return float(np.mean(found))


def main() -> None:
    """Prints a line for each task, part, number of measurements and method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats
    folder = Path(os.environ["HELP_REFERENCE_DATA"]) / "hat"
    print(f"{'Spearman':44s} " + " ".join(f"{device:>15s}" for device in DEVICES))
    for task, part in itertools.product(TASKS, PARTS):
        tables = {device: read_hat_csv(folder / f"{task}_{device}_all.csv") for device in DEVICES}
        for count, alone in itertools.product((10, 20), (True, False)):
            scores = [score(tables, device, part, count, alone, repeats) for device in DEVICES]
            label = f"{task} {part}, {count}, {'features only' if alone else 'and other devices'}"
            print(f"{label:44s} " + " ".join(f"{one:15.3f}" for one in scores))


if __name__ == "__main__":
    main()
