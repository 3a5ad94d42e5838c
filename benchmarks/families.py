"""Scores transfer on families of devices left out: what it is tuned on, and nothing else.

    HELP_REFERENCE_DATA=… python benchmarks/families.py [--space fbnet] [--repeats 5] [--samples 10]

Only HELP's training and validation devices are read, and the first rows of their tables
(HELP's training and query rows). Every line leaves out one family, or keeps one, or none:
how unlike the new device is goes from a sibling board to one that no device resembles.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.help_tables import SPLITS, read_split
from benchmarks.reference import reference_folder
from help_core.evaluation import Plan, evaluate
from help_core.evaluation.records import SupportStrategy
from help_core.predictors.transfer import TransferPredictor
from help_core.spaces.base import EnumerableSpace, GeneSpace, HollowSpace
from help_core.tables.latency import LatencyTable

PHONES = ("samsung_a50", "pixel3", "essential_ph_1", "samsung_s7")
CPUS = ("silver_4114", "silver_4210r", "gold_6240")
STRATEGIES: tuple[SupportStrategy, ...] = ("random", "design")
PRUNING = "pruning "
"""Before the name of a device that executes only what has an effect on the output."""
TRACING = "tracing "
"""Before the name of a device that executes only what leads to the output."""
Make = Callable[[GeneSpace, LatencyTable], TransferPredictor]


@dataclass(frozen=True, slots=True)
class Line:
    """One way to leave devices out."""

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """Of one line and strategy: means over devices and repeats."""

    line: str
    support: str
    spearman: float
    mape_percent: float
    coverage: tuple[float, ...]


def lines(space: str) -> tuple[Line, ...]:
    """The ways to leave families out, from near to far."""
    split = SPLITS[space]
    gpus = tuple(device for device in split.train if device.startswith("1080ti"))
    titans = tuple(device for device in split.validate if device.startswith("titanx"))
    if space == "ofa":
        return (
            Line("validation", split.train, split.validate),
            Line("none", (), (*split.train[::2], *split.validate)),
        )
    return (
        Line("validation", split.train, split.validate),
        *_simplified(space, split.train, (*titans, "gold_6240"), gpus),
        Line("no phones", (*gpus, *CPUS), PHONES),
        Line("no CPUs", (*gpus, *PHONES), CPUS),
        Line("no GPUs", (*PHONES, *CPUS), (*gpus, *titans)),
        Line("GPUs alone", (*gpus, *titans), (*PHONES, *CPUS)),
        Line("phones alone", PHONES, (*gpus, *CPUS)),
        Line("none", (), (gpus[0], gpus[2], *CPUS[::2], *PHONES[:3])),
    )


def _simplified(
    space: str, train: tuple[str, ...], near: tuple[str, ...], gpus: tuple[str, ...]
) -> tuple[Line, ...]:
    """Devices whose runtime optimises the graph, after training on such as do not."""
    if space != "nasbench201":
        return ()
    return (
        Line("pruning, near", train, tuple(PRUNING + device for device in near)),
        Line("pruning, far", gpus, tuple(PRUNING + device for device in (*PHONES, *CPUS))),
        Line("tracing, near", train, tuple(TRACING + device for device in near)),
        Line("tracing, far", gpus, tuple(TRACING + device for device in (*PHONES, *CPUS))),
    )


def with_readings(space: GeneSpace, table: LatencyTable) -> LatencyTable:
    """The table with every device twice more, as if it traced or pruned each network first.

    What is left of a network is an architecture of the same table.
    """
    if not isinstance(space, HollowSpace) or not isinstance(space, EnumerableSpace):
        return table
    genes = space.to_genes(table.architectures)
    row_of = {row.tobytes(): place for place, row in enumerate(genes)}
    devices, columns = list(table.devices), [table.latency_ms]
    for prefix, left in ((PRUNING, space.pruned(genes)), (TRACING, space.traced(genes))):
        rows = [row_of[row.tobytes()] for row in left]
        devices += [prefix + device for device in table.devices]
        columns.append(table.latency_ms[rows])
    return replace(table, devices=tuple(devices), latency_ms=np.hstack(columns))


def score_lines(
    make: Make, data: Path, space_name: str, samples: int, repeats: int, seed: int
) -> list[Score]:
    """Every line with every strategy."""
    split = SPLITS[space_name]
    space, table = read_split(data, space_name, (*split.train, *split.validate))
    table = with_readings(space, table)
    scores = []
    for line in lines(space_name):
        for support in STRATEGIES:
            plan = Plan(
                line.train,
                line.test,
                samples=samples,
                support=support,
                query="help",
                repeats=repeats,
                seed=seed,
                train_architectures=split.architectures,
            )
            found = evaluate(space, table, lambda part: make(space, part), plan, time.perf_counter)
            coverage = tuple(one.scores.coverage_90 for one in found.devices)
            mean = found.mean
            scores.append(
                Score(f"{line.name}", support, mean.spearman, mean.mape_percent, coverage)
            )
    return scores


def show(space: str, scores: Sequence[Score]) -> None:
    """A table, with the mean per strategy at the end."""
    print(f"\n{space:28s} {'Spearman':>8s} {'error %':>8s}  coverage of 90 % intervals")
    for one in scores:
        covered = " ".join(f"{value:.2f}" for value in one.coverage)
        print(
            f"{one.line + ', ' + one.support:28s} {one.spearman:8.4f} {one.mape_percent:8.2f}"
            f"  {covered}"
        )
    for support in STRATEGIES:
        some = [one for one in scores if one.support == support]
        spearman = np.mean([one.spearman for one in some])
        error = np.mean([one.mape_percent for one in some])
        print(f"{'mean, ' + support:28s} {spearman:8.4f} {error:8.2f}", flush=True)


def main() -> None:
    """Reads the arguments and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--space", choices=sorted(SPLITS), action="append")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    data = reference_folder()
    for space in arguments.space or ("nasbench201", "fbnet"):
        scores = score_lines(
            TransferPredictor.train,
            data,
            space,
            arguments.samples,
            arguments.repeats,
            arguments.seed,
        )
        show(space, scores)


if __name__ == "__main__":
    main()
