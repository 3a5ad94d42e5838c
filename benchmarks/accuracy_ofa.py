"""Trains the accuracy model that ships for OFA-MobileNetV3, and says how good it is.

    python benchmarks/accuracy_ofa.py --data $HELP_REFERENCE_DATA/ofa

``--data`` holds ``measured_top1/*.csv`` (DyNAS-T: subnets of width 1.0 with ImageNet top-1 at
224 pixels) and ``acc_predictor.pth`` (once-for-all). The model is fitted to four fifths of the
distinct architectures and scored on the rest, five times: once with architectures held out
at random, once with whole clusters of similar ones (the searches that measured them come
close to each other, so random ones have near twins among those it was fitted to; the
clusters are the honest figure). Beside it stand once-for-all's predictor on a fitted line and
a ridge regression on one-hot choices. Deviations are scaled so that nine of ten held-out
clusters' architectures lie in their 90 % interval. Then the model that ships is fitted to all.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.stats import kendalltau

from help_core.accuracy.ofa_model import (
    SHIPPED,
    OfaAccuracy,
    OfaNumbers,
    choices_and_one,
    save_ofa_accuracy,
)
from help_core.accuracy.ofa_training import OfaTraining, fit_ofa_numbers
from help_core.accuracy.once_for_all import OnceForAllPredictor, load_once_for_all_predictor
from help_core.arrays import FloatArray, IntArray
from help_core.spaces.ofa.genotype import genes_of_config

ASSETS = Path(__file__).resolve().parents[1] / "help_core" / "assets" / "accuracy"
FOLDS = 5
CLUSTERS = 40
NINE_OF_TEN = 1.645
RIDGE = 10.0

Predictions = tuple[FloatArray, FloatArray]
Fit = Callable[[IntArray, FloatArray, IntArray], Predictions]


def main() -> None:
    """Evaluates, trains, writes."""
    arguments = _arguments()
    options = OfaTraining()
    genes, top1, facts = read_measured(arguments.data / "measured_top1")
    teacher_file = arguments.data / "acc_predictor.pth"
    teacher = load_once_for_all_predictor(teacher_file)
    methods: Mapping[str, Fit] = {
        "this model": _model(teacher, options, arguments.seed),
        "once-for-all's predictor, on a line": _line(teacher),
        "ridge regression on one-hot choices": _ridge,
    }
    scores: dict[str, Any] = {}
    widening = 1.0
    for kind, folds in _folds(genes, arguments.seed).items():
        for name, fit in methods.items():
            predicted, deviation = _held_out(fit, genes, top1, folds)
            if kind == "clusters" and name == "this model":
                widening = _widening(top1, predicted, deviation)
            scored = _scores(top1, predicted, deviation, widening)
            scores.setdefault(f"held_out_{kind}", {})[name] = scored
            print(kind, name, scored, flush=True)
    numbers = fit_ofa_numbers(genes, top1, teacher, options, arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    record = {
        "command": f"python benchmarks/accuracy_ofa.py --data ofa --seed {arguments.seed}",
        "data": "DyNAS-T's measured ImageNet top-1 of OFA-MobileNetV3 w1.0 subnets at 224 pixels;"
        " differences between resolutions from once-for-all's acc_predictor.pth (160-224 pixels;"
        " below, the fit goes on)",
        "data_sha256": facts.pop("sha256"),
        "teacher_sha256": hashlib.sha256(teacher_file.read_bytes()).hexdigest(),
        **facts,
        "seed": arguments.seed,
        "training": asdict(options),
        "widening": round(widening, 4),
        "scores": f"{FOLDS} folds; the model that ships is fitted to all architectures",
        **scores,
    }
    save_ofa_accuracy(arguments.out, SHIPPED, widened(numbers, widening), record)
    print(json.dumps(record, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the two sources")
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder to write to")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def read_measured(folder: Path) -> tuple[IntArray, FloatArray, dict[str, Any]]:
    """Distinct genotypes ``[n, 46]``, their mean top-1 ``[n]`` in percent, and facts of both."""
    rows: list[tuple[int, ...]] = []
    values: list[float] = []
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.csv")):
        digest.update(path.read_bytes())
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                rows.append(genes_of_config(ast.literal_eval(row["Sub-network"])))
                values.append(float(row["Top-1 Acc (%)"]))
    top1 = np.array(values)
    genes, which = np.unique(np.array(rows, dtype=np.int64), axis=0, return_inverse=True)
    counts = np.bincount(which.ravel())
    mean = np.bincount(which.ravel(), top1) / counts
    repeats = ((top1 - mean[which.ravel()]) ** 2).sum() / max(len(top1) - len(genes), 1)
    facts = {
        "sha256": digest.hexdigest(),
        "measurements": len(top1),
        "architectures": len(genes),
        "repeatability_sd": round(float(np.sqrt(repeats)), 4),
    }
    return genes, mean, facts


def _folds(genes: IntArray, seed: int) -> dict[str, IntArray]:
    rng = np.random.default_rng(seed)
    choices = choices_and_one(genes)
    _, cluster = kmeans2(choices - choices.mean(axis=0), CLUSTERS, iter=20, minit="points", rng=rng)
    return {
        "clusters": (rng.permutation(CLUSTERS) % FOLDS)[cluster],
        "random": rng.permutation(len(genes)) % FOLDS,
    }


def _held_out(fit: Fit, genes: IntArray, top1: FloatArray, folds: IntArray) -> Predictions:
    predicted, deviation = np.empty(len(genes)), np.empty(len(genes))
    for fold in range(FOLDS):
        out = folds == fold
        predicted[out], deviation[out] = fit(genes[~out], top1[~out], genes[out])
    return predicted, deviation


def _model(teacher: OnceForAllPredictor, options: OfaTraining, seed: int) -> Fit:
    # At 224 pixels, where all is measured, the teacher's part is zero.
    without_teacher = replace(options, teacher_samples=20)

    def fit(genes: IntArray, top1: FloatArray, wanted: IntArray) -> Predictions:
        numbers = fit_ofa_numbers(genes, top1, teacher, without_teacher, seed)
        model = OfaAccuracy("held out", numbers, {})
        return model.accuracy_percent(wanted), model.deviation_percent(wanted)

    return fit


def _line(teacher: OnceForAllPredictor) -> Fit:
    def fit(genes: IntArray, top1: FloatArray, wanted: IntArray) -> Predictions:
        slope, offset = np.polyfit(teacher.accuracy_percent(genes), top1, 1)
        predicted = slope * teacher.accuracy_percent(wanted) + offset
        return predicted, np.full(len(wanted), np.nan)

    return fit


def _ridge(genes: IntArray, top1: FloatArray, wanted: IntArray) -> Predictions:
    inputs, centre = choices_and_one(genes), top1.mean()
    system = inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1])
    weights = np.linalg.solve(system, inputs.T @ (top1 - centre))
    return choices_and_one(wanted) @ weights + centre, np.full(len(wanted), np.nan)


def _widening(top1: FloatArray, predicted: FloatArray, deviation: FloatArray) -> float:
    return float(np.quantile(np.abs(top1 - predicted) / deviation, 0.9)) / NINE_OF_TEN


def widened(numbers: OfaNumbers, factor: float) -> OfaNumbers:
    """The model with all deviations multiplied."""
    return replace(numbers, constants=numbers.constants * [1.0, factor, 1.0, factor])


def _scores(
    truth: FloatArray, predicted: FloatArray, deviation: FloatArray, widening: float
) -> dict[str, float]:
    """Rank correlations, errors in points, and how often the 90 % interval holds."""
    error = np.abs(truth - predicted)
    top = truth >= np.quantile(truth, 0.75)
    scored = {
        "kendall_tau": float(kendalltau(truth, predicted).statistic),
        "kendall_tau_top_quarter": float(kendalltau(truth[top], predicted[top]).statistic),
        "mae": float(error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
    }
    if np.isfinite(deviation).all():
        held = error <= NINE_OF_TEN * widening * deviation
        scored["coverage_90"] = float(held.mean())
        scored["mean_deviation"] = float(widening * deviation.mean())
    return {name: round(value, 4) for name, value in scored.items()}


if __name__ == "__main__":
    main()
