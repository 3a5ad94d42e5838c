"""Prints how well latency is predicted from few measurements: HELP's Tables 2 and 3, and more.

    HELP_REFERENCE_DATA=… python benchmarks/predict.py tables [--space nasbench201] [--repeats 30]
    … python benchmarks/predict.py samples        (score against number of measurements)
    … python benchmarks/predict.py calibration    (do the 90 % intervals hold, per device?)
    … python benchmarks/predict.py far            (NVIDIA devices to all others, and back)
    … python benchmarks/predict.py baselines      (all that HELP was compared with; an hour)
    … python benchmarks/predict.py ablation       (what transfer owes to training devices)
    … python benchmarks/predict.py hat            (HAT's encoders and decoders, three boards)
    … python benchmarks/predict.py validation     (the same splits, validation devices only)

HELP's split and query set unless a line says otherwise. Published figures are from Table 2
of Lee et al., NeurIPS 2021, and stand beside what is measured here. The space ofa (GPUs) is
printed where it is asked for. With --executor local:N, devices and repeats run in parallel;
--predictor NAME (again and again) leaves out the other rows of ``far`` and ``baselines``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.hat_scores import print_hat
from benchmarks.help_tables import SPLITS, read_hw_nas_bench, read_split
from benchmarks.reference import reference_folder
from benchmarks.rows import head, row
from help_core.evaluation import Evaluation, Plan, evaluate
from help_core.evaluation.records import SupportStrategy
from help_core.evaluation.splits import support_pool
from help_core.executor import Executor, open_executor
from help_core.predictors.training import Trainer
from help_core.spaces.registry import get_gene_space
from help_core.tables.latency import LatencyTable

PUBLISHED: dict[str, dict[str, tuple[float, ...]]] = {
    "nasbench201": {
        "FLOPs, published, 0": (0.950, 0.826, 0.765, 0.846, 0.437, 0.900),
        "HELP, published, 20": (0.987, 0.989, 0.802, 0.890, 0.940, 0.985),
        "BRP-NAS, published, 900": (0.814, 0.796, 0.666, 0.847, 0.811, 0.801),
    },
    "fbnet": {
        "HELP, published, 20": (0.887, 0.943, 0.892),
        "MAML, published, 20": (0.718, 0.763, 0.727),
        "Meta-SGD, published, 20": (0.821, 0.822, 0.776),
    },
    "ofa": {},
}
PREDICTORS = ("flops", "layer-wise", "ridge", "transfer")
BASELINES: tuple[tuple[str, SupportStrategy, int, int], ...] = (
    ("flops", "random", 10, 30),
    ("layer-wise", "design", 10, 1),
    ("layer-wise", "random", 10, 30),
    ("layer-wise", "random", 100, 10),
    ("brp-nas", "random", 20, 3),
    ("brp-nas", "random", 900, 1),
    ("ridge", "random", 10, 30),
    ("maml", "random", 20, 10),
    ("meta-sgd", "random", 20, 10),
    ("help", "reference", 10, 1),
    ("help", "reference", 20, 10),
    ("transfer", "random", 10, 30),
    ("transfer", "design", 10, 10),
)
"""Predictor, support, measurements, repeats at most."""
FAR: tuple[tuple[str, SupportStrategy, int, int], ...] = (
    ("transfer", "random", 10, 30),
    ("transfer", "design", 10, 10),
    ("transfer", "random", 20, 30),
    ("transfer", "design", 20, 10),
    ("ridge", "random", 20, 30),
    ("help", "reference", 20, 10),
    ("brp-nas", "random", 20, 3),
)
SLOW = ("brp-nas", "help", "maml", "meta-sgd")
"""Minutes a row: these tell on standard error how far they have come."""
STRATEGIES: tuple[SupportStrategy, ...] = ("random", "design", "sequential")
RANDOM: tuple[SupportStrategy, ...] = ("random",)
DEFAULT_SPACES = ("nasbench201", "fbnet")


class Bench:
    """A space with its table, and how often to repeat."""

    def __init__(
        self,
        name: str,
        devices: tuple[str, ...],
        executor: Executor,
        arguments: argparse.Namespace,
    ) -> None:
        self.name = name
        self.split = SPLITS[name]
        self.executor = executor
        self.predictors = arguments.predictor or [row[0] for row in (*BASELINES, *FAR)]
        self.space = get_gene_space(name)
        self.table = self.read(*devices)
        self.plan = Plan(
            self.split.train,
            devices,
            query="help",
            repeats=arguments.repeats,
            seed=arguments.seed,
            train_architectures=self.split.architectures,
        )

    def read(self, *devices: str) -> LatencyTable:
        """HELP's table of the training devices and of those named."""
        data = reference_folder()
        wanted = tuple(dict.fromkeys((*self.split.train, *devices)))
        return read_split(data, self.name, wanted)[1]

    def score(self, predictor: str, plan: Plan, episodes: int | None = None) -> Evaluation:
        """One evaluation; fewer repeats where the support hardly varies.

        ``episodes`` is how long meta-learners train, if not as they do elsewhere.
        """
        if plan.support != "random":
            plan = replace(plan, repeats=min(plan.repeats, 10))
        return evaluate(
            self.space,
            self.table,
            Trainer(predictor, self.space, episodes=episodes),
            plan,
            time.perf_counter,
            executor=self.executor,
            on_progress=self._progress(predictor) if predictor in SLOW else lambda *_: None,
        )

    def _progress(self, predictor: str) -> Callable[[int, int], None]:
        """Tells on standard error how far a slow row has come."""
        start = time.perf_counter()

        def tell(done: int, total: int) -> None:
            seconds = time.perf_counter() - start
            line = f"{self.name}, {predictor}: {done} of {total} devices x repeats, {seconds:.0f} s"
            print(line, file=sys.stderr, flush=True)

        return tell


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
    """From NVIDIA devices to all others and back; HW-NAS-Bench's beside for NAS-Bench-201."""
    if name == "ofa":
        print("\nofa: HELP measured it on NVIDIA GPUs only; nothing there is far from home")
        return
    nvidia = tuple(device for device in bench.split.train if device.startswith("1080ti"))
    others = tuple(device for device in bench.plan.test_devices if "titan" not in device)
    home = (*bench.split.validate, *bench.split.test)
    back = tuple(device for device in home if "titan" in device)
    table = bench.read(*others, *back)
    _far_rows(bench, name, table, nvidia, others)
    if name == "nasbench201":
        more = read_hw_nas_bench(reference_folder(), table)
        _far_rows(bench, name, more, nvidia, tuple(d for d in more.devices if d.startswith("hw_")))
    _far_rows(bench, name, table, others, back)


def _far_rows(
    bench: Bench, name: str, table: LatencyTable, train: tuple[str, ...], test: tuple[str, ...]
) -> None:
    bench.table = table
    head(f"{name}: Spearman, trained on {', '.join(train)}; query all", test)
    for predictor, strategy, count, repeats in FAR:
        if predictor in bench.predictors:
            held = test if strategy != "reference" else _with_references(bench, table, test)
            plan = replace(
                bench.plan,
                train_devices=train,
                test_devices=held,
                query="all",
                samples=count,
                support=strategy,
                repeats=min(repeats, bench.plan.repeats),
            )
            found = dict(zip(held, spearman(bench.score(predictor, plan)), strict=True))
            row(f"{predictor}, {count} {strategy}", [found.get(one, float("nan")) for one in test])


def _with_references(
    bench: Bench, table: LatencyTable, devices: tuple[str, ...]
) -> tuple[str, ...]:
    """Those of the devices that could run all reference architectures."""
    rows = [table.architectures.index(one) for one in bench.space.reference_architectures()]
    return tuple(one for one in devices if np.isfinite(table.column(one)[rows]).all())


def baselines(bench: Bench, name: str) -> None:
    """Everything that HELP was compared with, trained here on HELP's split."""
    head(f"{name}: Spearman, HELP's split and query set", bench.plan.test_devices)
    for label, values in PUBLISHED[name].items():
        row(label, values)
    for predictor, strategy, count, repeats in BASELINES:
        if predictor not in bench.predictors:
            continue
        plan = replace(
            bench.plan,
            samples=count,
            support=strategy,
            repeats=min(repeats, bench.plan.repeats),
            train_architectures=_rows_to_draw_from(bench, count),
        )
        result = bench.score(predictor, plan, bench.split.episodes)
        row(f"{predictor}, {count} {strategy}", spearman(result))


def _rows_to_draw_from(bench: Bench, count: int) -> int:
    """HELP's training architectures, or as many as hold ``count`` supports of every device.

    HELP's pool has gaps (raspi4) and is trimmed by a tenth at either end; the query set is
    then as much further down the table.
    """
    rows, most = bench.split.architectures, len(bench.table.architectures)
    while rows < most and any(
        len(support_pool(bench.table.column(device), rows, "help")) < count
        for device in bench.plan.test_devices
    ):
        rows += 1
    return rows


def ablation(bench: Bench, name: str) -> None:
    """transfer with fewer training devices, and with each choice of its support."""
    head(f"{name}: Spearman of transfer, 10 measurements", bench.plan.test_devices)
    devices = bench.split.train
    for count in (0, 1, 3, len(devices)):
        # Spread over the list, which goes from GPUs over CPUs to phones.
        some = tuple(devices[i * len(devices) // count] for i in range(count)) if count else ()
        for strategy in STRATEGIES:
            plan = replace(bench.plan, train_devices=some, support=strategy)
            row(f"{count} devices, {strategy}", spearman(bench.score("transfer", plan)))


COMMANDS = {
    "tables": tables,
    "samples": samples,
    "calibration": calibration,
    "far": far,
    "baselines": baselines,
    "ablation": ablation,
}


def main() -> None:
    """Reads the arguments and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("command", choices=[*COMMANDS, "validation", "hat"])
    parser.add_argument("--space", choices=sorted(SPLITS), action="append")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--predictor", action="append", help="of far and baselines; all if none")
    parser.add_argument("--executor", default="local", help="local, local:N or ray://ADDRESS")
    arguments = parser.parse_args()
    with open_executor(arguments.executor) as executor:
        if arguments.command == "hat":
            data = reference_folder()
            print_hat(data, executor, arguments.repeats, arguments.seed)
        else:
            run(arguments, executor)
    print(f"\nrandom supports: mean of {arguments.repeats}, seed {arguments.seed}; designed: of 10")


def run(arguments: argparse.Namespace, executor: Executor) -> None:
    """The command for each space."""
    for name in arguments.space or DEFAULT_SPACES:
        split = SPLITS[name]
        validating = arguments.command == "validation"
        devices = split.validate if validating else split.test
        bench = Bench(name, devices, executor, arguments)
        COMMANDS["tables" if validating else arguments.command](bench, name)


if __name__ == "__main__":
    main()
