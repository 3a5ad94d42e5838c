"""Latency as an objective of an Optuna study: predicted for each trial, measured at the end."""

from __future__ import annotations

import numpy as np
import optuna

import lab
from help_core.accuracy import load_shipped_accuracy
from help_core.spaces import get_gene_space

TRIALS = 60


def main() -> None:
    """Searches NAS-Bench-201 for accuracy and latency, and prints the front."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space, accuracy = get_gene_space("nasbench201"), load_shipped_accuracy("nasbench201")
    assert accuracy is not None
    with lab.fleet() as fleet:
        fleet.adapt(lab.DEVICE)

        def objectives(trial: optuna.Trial) -> tuple[float, float]:
            genes = [
                trial.suggest_int(f"gene {index}", 0, count - 1)
                for index, count in enumerate(space.gene_choices)
            ]
            row = np.array([genes])
            (architecture,) = space.from_genes(row)
            trial.set_user_attr("architecture", str(architecture))
            latency_ms = fleet.predict(lab.DEVICE, [architecture]).latency_ms[0]
            return float(accuracy.accuracy_percent(row)[0]), float(latency_ms)

        study = optuna.create_study(
            directions=["maximize", "minimize"], sampler=optuna.samplers.NSGAIISampler(seed=0)
        )
        study.optimize(objectives, n_trials=TRIALS)
        front = sorted(study.best_trials, key=lambda trial: trial.values[1])
        names = [trial.user_attrs["architecture"] for trial in front]
        measured_ms = fleet.measure(lab.DEVICE, names).of(names, lab.DEVICE)
    for trial, latency_ms in zip(front, measured_ms, strict=True):
        print(
            f"{trial.values[0]:6.2f} %  predicted {trial.values[1]:6.3f} ms, "
            f"measured {latency_ms:6.3f} ms"
        )


if __name__ == "__main__":
    main()
