"""Latency as an objective of pymoo's NSGA-II: a whole generation predicted in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import Problem
from pymoo.operators.crossover.ux import UniformCrossover
from pymoo.operators.mutation.pm import PolynomialMutation
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

import lab
from coordinator.fleet import Fleet
from help_core.accuracy import load_shipped_accuracy
from help_core.spaces import get_gene_space


class AccuracyAndLatency(Problem):  # type: ignore[misc]
    """Error in percent and latency in ms of NAS-Bench-201 cells."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.space = fleet, get_gene_space("nasbench201")
        self.accuracy = load_shipped_accuracy("nasbench201")
        highest = np.array(self.space.gene_choices) - 1
        super().__init__(n_var=len(highest), n_obj=2, xl=0, xu=highest, vtype=int)

    def _evaluate(self, x: Any, out: dict[str, Any], *_: Any, **__: Any) -> None:
        assert self.accuracy is not None
        latency_ms = self.fleet.predict(lab.DEVICE, self.space.from_genes(x)).latency_ms
        out["F"] = np.column_stack([100 - self.accuracy.accuracy_percent(x), latency_ms])


def main() -> None:
    """Searches for 20 generations and prints the front."""
    algorithm = NSGA2(
        pop_size=50,
        sampling=IntegerRandomSampling(),
        crossover=UniformCrossover(repair=RoundingRepair()),
        mutation=PolynomialMutation(prob_var=0.2, repair=RoundingRepair()),
        eliminate_duplicates=True,
    )
    with lab.fleet() as fleet:
        fleet.adapt(lab.DEVICE)
        found = minimize(AccuracyAndLatency(fleet), algorithm, ("n_gen", 20), seed=0)
    for error_percent, latency_ms in sorted(found.F.tolist(), key=lambda row: row[1]):
        print(f"{100 - error_percent:6.2f} %  predicted {latency_ms:6.3f} ms")


if __name__ == "__main__":
    main()
