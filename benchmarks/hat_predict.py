"""Predicts HAT's latency tables from its features alone: encoder, decoder, and both.

    HELP_REFERENCE_DATA=… python benchmarks/hat_predict.py [--samples 10] [--repeats 30]

What the predictors of this project make of the same tables, ``python benchmarks/predict.py hat``
prints beside these figures. Here are the ten features that HAT published, and no
architectures. Each of the three devices is the target once; the tables
of the other two, of all tasks, are denoised by a regression on products of features and
become the columns of a ridge regression on the target's measurements. Scored on the last 500
rows of a table (Spearman); training and measurements come from the first 1,500. Beside it a
linear fit on the ten features, which is what HAT trains on 2,000 measurements.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.reference import reference_folder
from help_core.arrays import FloatArray
from help_core.predictors.transfer.tables import DeviceTables
from help_core.tables.hat_csv import HatLatencies, read_hat_csv

DEVICES = ("raspberrypi", "xeon", "titanxp")
TASK = "wmt14ende"
TRAIN = 1500
PARTS: dict[str, Callable[[HatLatencies], FloatArray]] = {
    "encoder": lambda table: table.encoder_ms,
    "decoder": lambda table: table.decoder_ms,
    "total": lambda table: table.total_ms,
}
PENALTY = 0.1


@dataclass(frozen=True, slots=True)
class Basis:
    """Features and their products, scaled by the training tables."""

    mean: FloatArray
    deviation: FloatArray

    def of(self, features: FloatArray) -> FloatArray:
        """``[n, 65]`` of HAT's ``[n, 10]``."""
        scaled = (features - self.mean) / self.deviation
        first, second = np.triu_indices(scaled.shape[1])
        return np.column_stack([scaled, scaled[:, first] * scaled[:, second]])


def others(tables: dict[str, HatLatencies], target: str, part: str) -> tuple[Basis, DeviceTables]:
    """The denoised tables of the devices that are not the target."""
    names = [name for name in tables if target not in name]
    features = np.concatenate([tables[name].features[:TRAIN] for name in names])
    # HAT's encoders all have six layers.
    basis = Basis(features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9))
    # Every table has architectures of its own: one column each, gaps elsewhere.
    latency_ms = np.full((len(features), len(names)), np.nan)
    for column, name in enumerate(names):
        rows = slice(column * TRAIN, (column + 1) * TRAIN)
        latency_ms[rows, column] = PARTS[part](tables[name])[:TRAIN]
    return basis, DeviceTables.fit(tuple(names), [basis.of(features)], latency_ms)


def ridge(relative: FloatArray, measured: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """A weighted sum of devices about their mean, from ``[k, devices]`` and ``[k]``."""
    scale = np.median(measured / relative.mean(axis=1))
    x = np.column_stack([relative, np.ones(len(relative))])
    y = measured / scale - relative.mean(axis=1)
    weights = np.linalg.solve(x.T @ x + PENALTY * np.eye(x.shape[1]), x.T @ y)

    def predict(asked: FloatArray) -> FloatArray:
        latency_ms: FloatArray = scale * (
            asked.mean(axis=1) + np.column_stack([asked, np.ones(len(asked))]) @ weights
        )
        return latency_ms

    return predict


def linear(features: FloatArray, measured: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Least squares on the ten features, the smallest weights where too few are measured."""
    centre = features.mean(axis=0)
    spread = np.maximum(features.std(axis=0), 1e-9)
    weights = np.linalg.lstsq((features - centre) / spread, measured - measured.mean())[0]
    return lambda asked: ((asked - centre) / spread) @ weights


def scores(
    tables: dict[str, HatLatencies],
    target: str,
    part: str,
    samples: int,
    repeats: int,
    task: str = TASK,
    first: int = TRAIN,
) -> list[float]:
    """Mean device, ridge, linear fit on the samples, linear fit on the first 1,500.

    Scored on the rows from ``first`` on; from 0, those that were measured are among them.
    """
    (name,) = (name for name in tables if name.startswith(task) and target in name)
    table, latency_ms = tables[name], PARTS[part](tables[name])
    basis, denoised = others(tables, target, part)
    relative = denoised.predict(basis.of(table.features))
    truth = latency_ms[first:]

    def rank(predicted: FloatArray) -> float:
        return float(spearmanr(predicted, truth).statistic)

    found: list[tuple[float, float]] = []
    for repeat in range(repeats):
        rows = np.random.default_rng(repeat).permutation(TRAIN)[:samples]
        adapted = ridge(relative[rows], latency_ms[rows])(relative[first:])
        alone = linear(table.features[rows], latency_ms[rows])(table.features[first:])
        found.append((rank(adapted), rank(alone)))
    few = np.mean(found, axis=0)
    whole = linear(table.features[:TRAIN], latency_ms[:TRAIN])(table.features[first:])
    return [rank(relative[first:].mean(axis=1)), float(few[0]), float(few[1]), rank(whole)]


def read_features(data: Path) -> dict[str, HatLatencies]:
    """HAT's files under the reference data's folder, by their names."""
    return {path.stem: read_hat_csv(path) for path in sorted((data / "hat").glob("*.csv"))}


def main() -> None:
    """Reads the tables and prints a row per device and part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    tables = read_features(reference_folder())
    count = arguments.samples
    columns = ("other devices, 0", f"ridge on them, {count}", f"linear, {count}", "linear, 1500")
    print(f"HAT, {TASK}: Spearman\n{'':22s}" + "".join(f"{name:>20s}" for name in columns))
    for target in DEVICES:
        for part in PARTS:
            row = scores(tables, target, part, count, arguments.repeats)
            print(f"{target + ' ' + part:22s}" + "".join(f"{value:20.3f}" for value in row))
    print(f"few measurements: random, mean of {arguments.repeats}")


if __name__ == "__main__":
    main()
