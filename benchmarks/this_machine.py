"""How well ten measurements predict this very machine: ``python benchmarks/this_machine.py``.

Measures the support set of the predictor, then architectures that are drawn at random and kept
out of the adaptation, in random order, and a part of those a second time. Prints the
Spearman correlation of prediction and measurement beside that of the measurement with
itself, which is its ceiling. Results are kept in ``--out``; an interrupted run goes on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import kendalltau, spearmanr

from agent.boards import HostBoard
from agent.conditions import System, describe_host
from help_core.arrays import FloatArray, IntArray
from help_core.predictors.base import Support
from help_core.predictors.registry import DEFAULT, get_predictor
from help_core.records import Failure, Settings
from help_core.spaces import get_gene_space, parse_architecture
from help_core.spaces.base import sample_genes
from help_proto.console import print_json, run_cli


@dataclass(frozen=True, slots=True)
class Figures:
    """What the benchmark reports."""

    space: str
    predictor: str
    processor: str
    threads: int
    support: int
    held_out: int
    repeated: int
    suspect_percent: float
    spearman: float
    kendall: float
    median_error_percent: float
    within_10_percent: float
    interval_coverage_percent: float
    repeat_spearman: float
    repeat_median_error_percent: float


def measure_all(
    names: list[str], threads: int, log: Path, label: str
) -> dict[str, tuple[float, str]]:
    """Median ms and verdict of each architecture; what ``log`` holds is not measured again."""
    known: dict[str, tuple[float, str]] = {}
    if log.exists():
        for line in log.read_text().splitlines():
            entry = json.loads(line)
            known[entry["architecture"]] = (entry["median_ms"], entry["verdict"])
    board, settings = HostBoard(), Settings(threads=threads)
    missing = [name for name in names if name not in known]
    with log.open("a") as file:
        for name in track(missing, label, console=Console(stderr=True)):
            outcome = board.measure(parse_architecture(name), settings)
            if isinstance(outcome, Failure):
                raise SystemExit(f"{name}: {outcome.failure_class}: {outcome.message}")
            known[name] = (outcome.summary.median_ms, outcome.verdict.value)
            entry = {"architecture": name, "median_ms": known[name][0], "verdict": known[name][1]}
            file.write(json.dumps(entry) + "\n")
            file.flush()
    return {name: known[name] for name in names}


def main(
    space_name: Annotated[str, typer.Option("--space")] = "nasbench201",
    predictor_name: Annotated[str, typer.Option("--predictor")] = DEFAULT,
    held_out: Annotated[int, typer.Option(help="Random architectures kept out.")] = 200,
    repeated: Annotated[int, typer.Option(help="How many of them are measured twice.")] = 60,
    samples: Annotated[int, typer.Option(help="Support measurements.")] = 10,
    threads: Annotated[int, typer.Option()] = 1,
    seed: Annotated[int, typer.Option()] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the raw results.")] = Path("this-machine"),
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Measure, adapt, compare."""
    space = get_gene_space(space_name)
    predictor = get_predictor(predictor_name, space)
    rng = np.random.default_rng(seed)
    support = predictor.support_genes(samples, rng)
    drawn = sample_genes(space, held_out + samples, rng)
    in_support = {row.tobytes() for row in support}
    others = np.stack([row for row in drawn if row.tobytes() not in in_support][:held_out])
    out.mkdir(parents=True, exist_ok=True)

    def timed(genes: IntArray, log: str, label: str) -> tuple[FloatArray, list[str]]:
        names = [str(one) for one in space.from_genes(genes)]
        found = measure_all(names, threads, out / log, label)
        return np.array([found[name][0] for name in names]), [found[name][1] for name in names]

    support_ms, _ = timed(support, "first.jsonl", "support set")
    truth_ms, verdicts = timed(others, "first.jsonl", "kept out")
    again = rng.permutation(len(others))[:repeated]
    again_ms, _ = timed(others[again], "second.jsonl", "measured again")
    measured = Support(support, support_ms, pruned=True)
    adapted = predictor.adapt(measured, np.random.default_rng(seed))
    prediction = adapted.predict(others)
    error = np.abs(prediction.latency_ms / truth_ms - 1)
    inside = (prediction.low_ms <= truth_ms) & (truth_ms <= prediction.high_ms)
    figures = Figures(
        space=space_name,
        predictor=predictor.name,
        processor=describe_host(System()).processor,
        threads=threads,
        support=samples,
        held_out=len(others),
        repeated=len(again),
        suspect_percent=100 * float(np.mean([verdict != "valid" for verdict in verdicts])),
        spearman=float(spearmanr(prediction.latency_ms, truth_ms).statistic),
        kendall=float(kendalltau(prediction.latency_ms, truth_ms).statistic),
        median_error_percent=100 * float(np.median(error)),
        within_10_percent=100 * float(np.mean(error <= 0.1)),
        interval_coverage_percent=100 * float(inside.mean()),
        repeat_spearman=float(spearmanr(again_ms, truth_ms[again]).statistic),
        repeat_median_error_percent=100 * float(np.median(np.abs(again_ms / truth_ms[again] - 1))),
    )
    _show(figures, as_json=as_json)


def _show(figures: Figures, *, as_json: bool) -> None:
    if as_json:
        print_json(figures)
        return
    table = Table(title=f"{figures.space} on {figures.processor}, {figures.threads} thread(s)")
    table.add_column("")
    table.add_column(f"{figures.predictor}, {figures.support} measurements", justify="right")
    table.add_column("measured again", justify="right")
    table.add_row("architectures", str(figures.held_out), str(figures.repeated))
    table.add_row("Spearman", f"{figures.spearman:.3f}", f"{figures.repeat_spearman:.3f}")
    table.add_row("Kendall", f"{figures.kendall:.3f}", "")
    table.add_row(
        "median error",
        f"{figures.median_error_percent:.1f} %",
        f"{figures.repeat_median_error_percent:.1f} %",
    )
    table.add_row("within 10 %", f"{figures.within_10_percent:.0f} %", "")
    table.add_row("inside the 90 % interval", f"{figures.interval_coverage_percent:.0f} %", "")
    table.add_row("suspect measurements", f"{figures.suspect_percent:.0f} %", "")
    Console().print(table)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    run_cli(app, "this_machine")
