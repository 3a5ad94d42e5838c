"""Prints how well latency is predicted from few measurements: HELP's Tables 2 and 3, and more.

    HELP_REFERENCE_DATA=… python benchmarks/predict.py tables [--space nasbench201] [--repeats 30]
    … python benchmarks/predict.py samples        (score against number of measurements)
    … python benchmarks/predict.py calibration    (do the 90 % intervals hold, per device?)
    … python benchmarks/predict.py far            (trained on NVIDIA devices alone)
    … python benchmarks/predict.py validation     (the same splits, validation devices only)

HELP's split and query set unless a line says otherwise. Published figures are from Table 2
of Lee et al., NeurIPS 2021, and stand beside what is measured here.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.help_tables import SPLITS, read_hw_nas_bench, read_split
from help_core.evaluation import Evaluation, Plan, evaluate
from help_core.evaluation.records import SupportStrategy
from help_core.predictors.base import Predictor
from help_core.predictors.flops import FlopsPredictor
from help_core.predictors.ridge import RidgePredictor
from help_core.predictors.transfer import TransferPredictor
from help_core.spaces.base import GeneSpace
from help_core.tables.latency import LatencyTable

PUBLISHED: dict[str, dict[str, tuple[float, ...]]] = {
    "nasbench201": {
        "HELP, published, 20": (0.987, 0.989, 0.802, 0.890, 0.940, 0.985),
        "BRP-NAS, published, 900": (0.814, 0.796, 0.666, 0.847, 0.811, 0.801),
    },
    "fbnet": {
        "HELP, published, 20": (0.887, 0.943, 0.892),
        "Meta-SGD, published, 20": (0.821, 0.822, 0.776),
    },
}
PREDICTORS: dict[str, Callable[[GeneSpace, LatencyTable], Predictor]] = {
    "flops": lambda space, table: FlopsPredictor(space),
    "ridge": RidgePredictor.train,
    "transfer": TransferPredictor.train,
}
STRATEGIES: tuple[SupportStrategy, ...] = ("random", "design", "sequential")
RANDOM: tuple[SupportStrategy, ...] = ("random",)


class Bench:
    """A space with its table, and how often to repeat."""

    def __init__(self, name: str, devices: tuple[str, ...], repeats: int, seed: int) -> None:
        data = Path(os.environ["HELP_REFERENCE_DATA"])
        self.split = SPLITS[name]
        self.space, self.table = read_split(data, name, (*self.split.train, *devices))
        self.plan = Plan(
            self.split.train,
            devices,
            query="help",
            repeats=repeats,
            seed=seed,
            train_architectures=self.split.architectures,
        )

    def score(self, predictor: str, plan: Plan) -> Evaluation:
        """One evaluation; fewer repeats where the support hardly varies."""
        make = PREDICTORS[predictor]
        if plan.support != "random":
            plan = replace(plan, repeats=min(plan.repeats, 10))
        return evaluate(
            self.space,
            self.table,
            lambda training: make(self.space, training),
            plan,
            time.perf_counter,
        )


def row(label: str, values: Sequence[float]) -> None:
    """One line of a table, with the mean at its end."""
    cells = " ".join(f"{value:>13.3f}" for value in values)
    print(f"{label:34s} {cells} {sum(values) / len(values):>8.3f}")


def head(title: str, columns: Sequence[str]) -> None:
    """The title and the column names."""
    print(f"\n{title}\n{'':34s} " + " ".join(f"{name:>13s}" for name in columns) + "     mean")


def spearman(result: Evaluation) -> list[float]:
    """Per device."""
    return [one.scores.spearman for one in result.devices]


def tables(bench: Bench, name: str) -> None:
    """HELP's Table 2 (NAS-Bench-201) or 3 (FBNet)."""
    head(f"{name}: Spearman, HELP's split and query set", bench.plan.test_devices)
    if bench.plan.test_devices == bench.split.test:
        for label, values in PUBLISHED.get(name, {}).items():
            row(label, values)
    for samples in (10, 20):
        for predictor in PREDICTORS:
            for strategy in STRATEGIES if predictor == "transfer" else RANDOM:
                plan = replace(bench.plan, samples=samples, support=strategy)
                result = bench.score(predictor, plan)
                row(f"{predictor}, {samples} {strategy}", spearman(result))


def samples(bench: Bench, name: str) -> None:
    """Score against the number of measurements."""
    head(f"{name}: Spearman by number of measurements", bench.plan.test_devices)
    for count in (3, 5, 10, 20, 50):
        for predictor in ("ridge", "transfer"):
            for strategy in STRATEGIES[:2] if predictor == "transfer" else RANDOM:
                plan = replace(bench.plan, samples=count, support=strategy)
                row(f"{predictor}, {count} {strategy}", spearman(bench.score(predictor, plan)))


def calibration(bench: Bench, name: str) -> None:
    """Coverage of the 90 % interval, and the errors, per device."""
    head(f"{name}: share of latencies inside the 90 % interval", bench.plan.test_devices)
    for strategy in STRATEGIES:
        result = bench.score("transfer", replace(bench.plan, support=strategy))
        scores = [one.scores for one in result.devices]
        row(f"transfer, 10 {strategy}", [one.coverage_90 for one in scores])
        row("  mean absolute error, %", [one.mape_percent for one in scores])
        row("  within 10 %", [one.within_10_percent for one in scores])


def far(bench: Bench, name: str) -> None:
    """Trained on NVIDIA devices alone; HW-NAS-Bench's devices beside for NAS-Bench-201."""
    if name == "ofa":
        print("\nofa: HELP measured it on NVIDIA GPUs only; nothing there is far from home")
        return
    nvidia = tuple(device for device in bench.split.train if device.startswith("1080ti"))
    others = tuple(device for device in bench.plan.test_devices if "titan" not in device)
    parts = [(bench.table, others)]
    if name == "nasbench201":
        more = read_hw_nas_bench(Path(os.environ["HELP_REFERENCE_DATA"]), bench.table)
        parts.append((more, tuple(d for d in more.devices if d.startswith("hw_"))))
    for table, devices in parts:
        bench.table = table
        head(f"{name}: Spearman, trained on {', '.join(nvidia)}; query all", devices)
        for predictor in ("ridge", "transfer"):
            for strategy in STRATEGIES if predictor == "transfer" else RANDOM:
                for count in (10, 20):
                    plan = replace(
                        bench.plan,
                        train_devices=nvidia,
                        test_devices=devices,
                        query="all",
                        samples=count,
                        support=strategy,
                    )
                    row(f"{predictor}, {count} {strategy}", spearman(bench.score(predictor, plan)))


COMMANDS = {"tables": tables, "samples": samples, "calibration": calibration, "far": far}


def main() -> None:
    """Reads the arguments and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("command", choices=[*COMMANDS, "validation"])
    parser.add_argument("--space", choices=sorted(SPLITS), action="append")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in arguments.space or sorted(SPLITS, reverse=True):
        split = SPLITS[name]
        validating = arguments.command == "validation"
        devices = split.validate if validating else split.test
        bench = Bench(name, devices, arguments.repeats, arguments.seed)
        COMMANDS["tables" if validating else arguments.command](bench, name)
    print(f"\nrandom supports: mean of {arguments.repeats}, seed {arguments.seed}; designed: of 10")


if __name__ == "__main__":
    main()
