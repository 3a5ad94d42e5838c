"""How well zero-cost proxies rank NAS-Bench-201 cells, beside multiply-adds.

    python benchmarks/proxies.py --data $HELP_REFERENCE_DATA/nasbench201/accuracy.csv --cells 200

Connected cells drawn at random, CIFAR-100 test accuracy.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr

from help_core.accuracy.proxies import KINDS, Proxy
from help_core.accuracy.table import read_accuracy_csv
from help_core.spaces.nasbench201 import NasBench201


def main() -> None:
    """Prints one row per proxy."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    space = NasBench201()
    table = read_accuracy_csv(arguments.data, space, "cifar100_test_accuracy")
    genes = space.all_genes()
    genes = genes[space.carries(genes)]
    drawn = np.random.default_rng(arguments.seed).choice(len(genes), arguments.cells, replace=False)
    genes = genes[drawn]
    truth = table.accuracy_percent(genes)
    rows = {}
    for kind in KINDS:
        started = time.monotonic()
        rows[kind] = _row(truth, Proxy(kind, space).accuracy_percent(genes), started)
    started = time.monotonic()
    costs = [space.cost(one).multiply_adds for one in space.from_genes(genes)]
    rows["multiply-adds"] = _row(truth, np.array(costs, dtype=np.float64), started)
    if arguments.json:
        print(json.dumps({"cells": arguments.cells, "seed": arguments.seed, "rows": rows}))
        return
    for name, row in rows.items():
        print(f"{name:14} " + "  ".join(f"{key} {value:.3f}" for key, value in row.items()))


def _row(truth: np.ndarray, score: np.ndarray, started: float) -> dict[str, float]:
    known = np.isfinite(score)
    return {
        "spearman": float(spearmanr(truth[known], score[known]).statistic),
        "kendall_tau": float(kendalltau(truth[known], score[known]).statistic),
        "scored": float(known.mean()),
        "ms_each": (time.monotonic() - started) * 1e3 / len(truth),
    }


if __name__ == "__main__":
    main()
