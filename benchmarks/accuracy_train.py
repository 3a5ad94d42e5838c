"""Trains the accuracy model that ships for NAS-Bench-201, and says how good it is.

    python benchmarks/accuracy_train.py --data $HELP_REFERENCE_DATA/nasbench201/accuracy.csv

First it is fitted to four fifths of the benchmark and scored on the rest, several times:
once with whole classes of isomorphic cells held out (no held-out cell computes the same
function as a cell it was fitted to; the honest figure), once with architectures held out
at random. Then the model that ships is fitted to all of them. Disconnected cells are left
out of all of this: their accuracy is chance, which is known and would flatter. Beside the
model, as JSON, go the held-out scores and what the noise of the benchmark's own training
runs lets one reach.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau

from help_core.accuracy.cell_training import TrainingOptions, train_ensemble
from help_core.accuracy.isomorphism import DISCONNECTED, cell_signatures
from help_core.accuracy.model import DATASETS, SHIPPED, CellEnsemble
from help_core.accuracy.table import read_accuracy_csv
from help_core.arrays import FloatArray, IntArray
from help_core.spaces.nasbench201 import NasBench201

COLUMNS = {
    "nasbench201": "cifar100_test_accuracy",
    "nasbench201-cifar10": "cifar10_test_accuracy",
    "nasbench201-imagenet16": "imagenet16_120_test_accuracy",
}
CEILING_PERCENT = {
    "nasbench201": 80.0,
    "nasbench201-cifar10": 100.0,
    "nasbench201-imagenet16": 60.0,
}
CLASSES = {"nasbench201": 100, "nasbench201-cifar10": 10, "nasbench201-imagenet16": 120}
HELD_OUT = 0.2
LIMITS = 500
ASSETS = Path(__file__).resolve().parents[1] / "help_core" / "assets" / "accuracy"


def main() -> None:
    """Evaluates, trains, writes."""
    arguments = _arguments()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    options = TrainingOptions()
    genes, accuracy = _read(arguments.data)
    classes = np.unique(cell_signatures(genes), return_inverse=True)[1]
    held_out = {
        kind: _held_out(kind, genes, accuracy, classes, options, arguments)
        for kind in ("classes", "architectures")
    }
    ensemble = _train(genes, accuracy, options, arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    ensemble.save(arguments.out / f"{SHIPPED}.npz")
    record = {
        "command": "python benchmarks/accuracy_train.py --data nasbench201/accuracy.csv"
        f" --seed {arguments.seed} --splits {arguments.splits}",
        "data": "NAS-Bench-201 (Dong & Yang, ICLR 2020), test accuracy after 200 epochs",
        "data_sha256": hashlib.sha256(arguments.data.read_bytes()).hexdigest(),
        "fitted_to": f"all {len(genes)} connected cells; the scores below are of fits that had"
        f" {1 - HELD_OUT:.0%} of them",
        "seed": arguments.seed,
        "torch": torch.__version__,
        "training": asdict(options),
        "outputs": list(DATASETS.values()),
        "isomorphism_classes": int(classes.max()) + 1,
        "held_out_classes": held_out["classes"],
        "held_out_architectures": held_out["architectures"],
        "noise_of_the_benchmark": _noise(
            genes, accuracy, classes, np.random.default_rng(arguments.seed)
        ),
    }
    text = json.dumps(record, indent=2) + "\n"
    (arguments.out / f"{SHIPPED}.json").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="NAS-Bench-201 accuracies, CSV")
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder to write to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--splits", type=int, default=5, help="held-out splits of each kind")
    return parser.parse_args()


def _read(path: Path) -> tuple[IntArray, FloatArray]:
    """Genotypes ``[n, 6]`` of connected cells and their accuracies ``[n, data sets]``."""
    space = NasBench201()
    genes = space.all_genes()
    columns = [
        read_accuracy_csv(path, space, COLUMNS[name]).accuracy_percent(genes) for name in DATASETS
    ]
    accuracy = np.column_stack(columns)
    used = np.isfinite(accuracy).all(axis=1) & (cell_signatures(genes) != DISCONNECTED)
    return genes[used], accuracy[used]


def _train(
    genes: IntArray, accuracy: FloatArray, options: TrainingOptions, seed: int
) -> CellEnsemble:
    ceiling = np.array([CEILING_PERCENT[name] for name in DATASETS])
    chance = np.array([100.0 / CLASSES[name] for name in DATASETS])
    return train_ensemble(genes, accuracy, ceiling, chance, options, seed)


def _held_out(
    kind: str,
    genes: IntArray,
    accuracy: FloatArray,
    classes: IntArray,
    options: TrainingOptions,
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Scores on held-out cells, mean and deviation over the splits, by data set."""
    scored: list[list[dict[str, float]]] = []
    groups = classes if kind == "classes" else np.arange(len(genes))
    for split in range(arguments.splits):
        started = time.monotonic()
        rng = np.random.default_rng([arguments.seed, split])
        test = (rng.random(int(groups.max()) + 1) < HELD_OUT)[groups]
        ensemble = _train(genes[~test], accuracy[~test], options, split)
        predicted = ensemble.accuracy_percent(genes[test])
        multiply_adds = _multiply_adds(genes[test])
        scored.append(
            [
                _scores(accuracy[test, i], predicted[:, i], multiply_adds, rng)
                for i in range(len(DATASETS))
            ]
        )
        seconds = time.monotonic() - started
        print(f"held out {kind}, split {split}, {seconds:.0f} s: {scored[-1][0]}", flush=True)
    return {
        name: _summary([split[i] for split in scored]) for i, name in enumerate(DATASETS.values())
    }


def _summary(splits: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    values = {name: np.array([split[name] for split in splits]) for name in splits[0]}
    return {
        name: {"mean": round(float(each.mean()), 4), "sd": round(float(each.std()), 4)}
        for name, each in values.items()
    }


def _multiply_adds(genes: IntArray) -> FloatArray:
    space = NasBench201()
    architectures = space.from_genes(genes)
    return np.array([space.cost(each).multiply_adds for each in architectures], dtype=np.float64)


def _scores(
    truth: FloatArray, predicted: FloatArray, multiply_adds: FloatArray, rng: np.random.Generator
) -> dict[str, float]:
    """Rank correlation, errors in points, and what the best-predicted falls short by."""
    error = np.abs(truth - predicted)
    top = truth >= np.quantile(truth, 0.9)
    regret = _regret(truth, predicted, multiply_adds, rng)
    return {
        "kendall_tau": float(kendalltau(truth, predicted).statistic),
        "kendall_tau_top_tenth": float(kendalltau(truth[top], predicted[top]).statistic),
        "mae": float(error.mean()),
        "median_error": float(np.median(error)),
        "rmse": float(np.sqrt((error**2).mean())),
        "mean_regret": float(np.mean(regret)),
        "p90_regret": float(np.quantile(regret, 0.9)),
    }


def _regret(
    truth: FloatArray, predicted: FloatArray, multiply_adds: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Under random limits on multiply-adds, what the architecture predicted to be the best
    falls short of the best published accuracy within the limit; ``[limits]``, points.
    """
    low, high = np.quantile(multiply_adds, [0.05, 1.0])
    regret: list[float] = []
    for limit in rng.uniform(low, high, size=LIMITS):
        within = np.flatnonzero(multiply_adds <= limit)
        pick = within[predicted[within].argmax()]
        regret.append(truth[within].max() - truth[pick])
    return np.array(regret)


def _noise(
    genes: IntArray, accuracy: FloatArray, classes: IntArray, rng: np.random.Generator
) -> dict[str, Any]:
    """How well isomorphic cells, trained apart, predict each other: nobody does much better.

    Of each cell with isomorphic siblings, the mean accuracy of those siblings is taken as
    its prediction; ``sd`` is the deviation of accuracies within classes. Regret is among as
    many cells as the splits hold out, because the best of more is luckier.
    """
    sizes = np.bincount(classes)
    has_siblings = sizes[classes] > 1
    multiply_adds = _multiply_adds(genes)[has_siblings]
    part = rng.random(multiply_adds.size) < HELD_OUT
    noise: dict[str, Any] = {}
    for i, name in enumerate(DATASETS.values()):
        truth = accuracy[:, i]
        totals = np.bincount(classes, truth)[classes]
        siblings = ((totals - truth) / np.maximum(sizes[classes] - 1, 1))[has_siblings]
        own = truth[has_siblings]
        spread = ((truth - totals / sizes[classes])[has_siblings] ** 2).sum()
        noise[name] = {
            "sd": round(float(np.sqrt(spread / (sizes[sizes > 1] - 1).sum())), 4),
            "kendall_tau_of_siblings": round(float(kendalltau(own, siblings).statistic), 4),
            "mean_regret_of_siblings": round(
                float(_regret(own[part], siblings[part], multiply_adds[part], rng).mean()), 4
            ),
            "rmse_of_siblings": round(float(np.sqrt(((own - siblings) ** 2).mean())), 4),
        }
    return noise


if __name__ == "__main__":
    main()
