"""What HAT's tables teach of this very machine: ``python benchmarks/hat_here.py``.

Runs random HAT networks with onnxruntime, one thread, one after the other, again and again: the
least of ``--rounds`` runs of the encoder and of one decoder step, times the steps. The least of
all passes counts, and half of the passes against the other half says how far to trust it, which
on a busy machine is not far. Prints the Spearman correlation over all networks of ``transfer``
as it ships, of ``transfer`` from physics alone, and of multiply-adds, each adapted to 3, 5 and
10 of the networks drawn at random (mean of ``--repeats`` draws; every network is scored).
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import spearmanr

from benchmarks.hat import sentence_ms
from help_core.arrays import FloatArray, IntArray
from help_core.evaluation import score
from help_core.predictors.base import Predictor, Support
from help_core.predictors.flops import FlopsPredictor
from help_core.predictors.transfer import TransferPredictor
from help_core.spaces import BuildOptions, get_gene_space
from help_core.spaces.base import GeneSpace, sample_genes

SAMPLES = (3, 5, 10)


def measured(space: GeneSpace, genes: IntArray, rounds: int) -> FloatArray:
    """Milliseconds of each network ``[n, genes]``."""
    networks = space.from_genes(genes)
    return np.array([sentence_ms(space.build(one, BuildOptions()), rounds) for one in networks])


def spearman(
    predictor: Predictor, genes: IntArray, truth: FloatArray, count: int, seed: int
) -> float:
    """Of all networks, from ``count`` of them."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(genes), count, replace=False)
    adapted = predictor.adapt(Support(genes[rows], truth[rows]), rng)
    return score(adapted.predict(genes), truth).spearman


def main() -> None:
    """Measures, adapts, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--space", default="hat")
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each model")
    parser.add_argument("--passes", type=int, default=2, help="in each half")
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    if arguments.networks <= max(SAMPLES):
        parser.error(f"--networks must be above {max(SAMPLES)}")
    space = get_gene_space(arguments.space)
    genes = sample_genes(space, arguments.networks, np.random.default_rng(0))
    passes = np.array(
        [measured(space, genes, arguments.rounds) for _ in range(2 * arguments.passes)]
    )
    truth, halves = passes.min(axis=0), [passes[start::2].min(axis=0) for start in (0, 1)]
    predictors: dict[str, Predictor] = {
        "transfer, shipped": TransferPredictor.shipped(space),
        "transfer, physics alone": TransferPredictor.untrained(space),
        "flops": FlopsPredictor(space),
    }
    print(f"{space.name}: {len(genes)} networks, {truth.min():.0f}-{truth.max():.0f} ms")
    print(f"{'half against half':24s}{spearmanr(*halves).statistic:8.3f}")
    print(f"{'measurements':24s}" + "".join(f"{count:8d}" for count in SAMPLES))
    for name, predictor in predictors.items():
        row = [
            np.mean(
                [
                    spearman(predictor, genes, truth, count, seed)
                    for seed in range(arguments.repeats)
                ]
            )
            for count in SAMPLES
        ]
        print(f"{name:24s}" + "".join(f"{value:8.3f}" for value in row))


if __name__ == "__main__":
    main()
