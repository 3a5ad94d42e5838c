"""Processor time of adapting ``transfer`` and of predicting: ``python benchmarks/predict_cost.py``.

All 15,625 cells of NAS-Bench-201 and 5,000 networks of FBNet, by ``transfer`` as it ships, from
10, 20 and 50 random measurements of a made device: physics with 3 % of noise. Prints the median
of ``--repeats`` draws, one thread.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

from help_core.arrays import IntArray
from help_core.predictors.base import Predictor, Support
from help_core.predictors.registry import get_predictor
from help_core.spaces.base import GeneSpace, sample_genes
from help_core.spaces.fbnet import FBNet
from help_core.spaces.nasbench201 import NasBench201

SAMPLES = (10, 20, 50)
NOISE = 0.03


def support(space: GeneSpace, genes: IntArray, count: int, rng: np.random.Generator) -> Support:
    """Measurements of a device whose time is some weighting of what the space counts."""
    rows = rng.choice(len(genes), count, replace=False)
    work = space.features(genes, "physics")
    work = work / work.mean(axis=0)
    latency_ms = 5 + work[rows] @ np.exp(0.5 * rng.normal(size=work.shape[1]))
    return Support(genes[rows], latency_ms * np.exp(NOISE * rng.normal(size=count)))


def times_ms(
    predictor: Predictor, genes: IntArray, measured: Support, rng: np.random.Generator
) -> tuple[float, float]:
    """Processor time of adapting and of predicting."""
    start = time.process_time()
    adapted = predictor.adapt(measured, rng)
    between = time.process_time()
    adapted.predict(genes)
    return 1e3 * (between - start), 1e3 * (time.process_time() - between)


def main() -> None:
    """Prints a line for each space and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    cells, fbnet = NasBench201(), FBNet()
    spaces = ((cells, cells.all_genes()), (fbnet, sample_genes(fbnet, 5000, rng)))
    for space, genes in spaces:
        predictor = get_predictor("transfer", space)
        for count in SAMPLES:
            supports = [support(space, genes, count, rng) for _ in range(repeats)]
            times = [times_ms(predictor, genes, one, rng) for one in supports]
            adapting, predicting = np.median(times, axis=0)
            print(
                f"{space.name}, {len(genes):,} networks, {count} measurements:"
                f" {adapting:.0f} ms to adapt, {predicting:.0f} ms to predict"
            )


if __name__ == "__main__":
    main()
