"""HELP's Table 4 on replayed devices: ``python benchmarks/table4.py [--candidates metad2a]``.

NAS-Bench-201 on CIFAR-100, five devices at three limits each. A coordinator and one replaying
agent for each device, over gRPC on loopback; every case is an order of its own with ten
measurements for the support set and at most ten that confirm. The answer is judged by the
latency table and the accuracy table: whether it keeps the limit, and how far it lies below
the true optimum (of the whole space, or of MetaD2A's list). HELP's published answers are
looked up in the same tables. ``--accuracy shipped`` ranks by the shipped accuracy model,
which has seen part of the accuracy table, instead of the imported table.

Nothing was tuned on these devices for this table. Needs ``HELP_REFERENCE_DATA``.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from agent.boards.replay import read_column
from benchmarks.loopback import (
    agent,
    ask,
    import_accuracies,
    reference_data,
    replay,
)
from coordinator.client import Client
from coordinator.embedded import embedded
from help_core.accuracy.table import read_accuracy_csv
from help_core.records import AdaptOrder
from help_core.search.candidate_file import read_candidates
from help_core.spaces import Architecture, get_space
from help_core.spaces.nasbench201 import NasBench201
from help_proto.console import print_json, run_cli

SPACE = "nasbench201"
CASES = {
    "titan_rtx_256": (18.0, 21.0, 25.0),
    "gold_6226": (8.0, 11.0, 14.0),
    "pixel2": (14.0, 18.0, 22.0),
    "eyeriss": (5.0, 7.0, 9.0),
    "fpga": (4.0, 5.0, 6.0),
}
"""Limits in ms of HELP's Table 4."""

FOLDERS = {"eyeriss": "asic-eyeriss"}


@dataclass(frozen=True, slots=True)
class Case:
    """One device at one limit; accuracies in percent by the published table."""

    device: str
    limit_ms: float
    optimum_percent: float
    accuracy_percent: float
    regret_points: float
    latency_ms: float
    within: bool
    support: int
    confirmations: int
    help_percent: float
    help_ms: float
    help_within: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of every architecture."""

    latency_ms: dict[Architecture, float]
    accuracy_percent: dict[Architecture, float]
    choices: list[Architecture]

    def optimum(self, limit_ms: float) -> float:
        """The best accuracy within a limit among the choices."""
        return max(
            self.accuracy_percent[one]
            for one in self.choices
            if self.latency_ms.get(one, np.inf) <= limit_ms
        )


def published(folder: Path, device: str, number: int) -> Architecture:
    """HELP's own answer for the limit of that number."""
    found = sorted(
        (folder / "architecture_config" / FOLDERS.get(device, device)).glob("latency_*.txt"),
        key=lambda path: float(path.stem.split("_")[1].removesuffix("ms")),
    )
    return get_space(SPACE).parse(found[number].read_text().strip())


def run_case(
    client: Client,
    truth: Truth,
    device: str,
    limit_ms: float,
    order: AdaptOrder,
    help_is: Architecture,
) -> Case:
    """Asks, and judges the answer by the tables."""
    answer = ask(client, order)
    pick = answer.picks[0]
    chosen = get_space(SPACE).parse(pick.architecture)
    optimum = truth.optimum(limit_ms)
    accuracy = truth.accuracy_percent[chosen]
    return Case(
        device=device,
        limit_ms=limit_ms,
        optimum_percent=optimum,
        accuracy_percent=accuracy,
        regret_points=optimum - accuracy,
        latency_ms=truth.latency_ms[chosen],
        within=truth.latency_ms[chosen] <= limit_ms,
        support=len(answer.support),
        confirmations=len(answer.confirmations),
        help_percent=truth.accuracy_percent[help_is],
        help_ms=truth.latency_ms[help_is],
        help_within=truth.latency_ms[help_is] <= limit_ms,
    )


def run(candidates: str, accuracy: str, seed: int) -> list[Case]:
    """All cases."""
    data = reference_data()
    folder = data / "help" / SPACE
    space = NasBench201()
    accuracies = dict(
        read_accuracy_csv(data / SPACE / "accuracy.csv", space, "cifar100_test_accuracy").items()
    )
    listed: list[Architecture] = []
    if candidates == "metad2a":
        listed = read_candidates(folder / "arch_generated_by_metad2a.txt", space)
    choices = listed or list(accuracies)
    cases: list[Case] = []
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(embedded(str(work / "coordinator.db")))
        client = stack.enter_context(Client(address))
        rows = ((str(one), percent) for one, percent in accuracies.items())
        import_accuracies(client, SPACE, "NAS-Bench-201, CIFAR-100", rows)
        for device, limits in CASES.items():
            table = folder / "latency" / f"{device}.pt"
            truth = Truth(read_column(table, space, device), accuracies, choices)
            with agent(address, work / device, device, replay(table, SPACE)):
                for number, limit in enumerate(limits):
                    order = AdaptOrder(
                        device,
                        SPACE,
                        max_latency_ms=(limit,),
                        winner_measurements=10,
                        seed=seed,
                        accuracy_source=accuracy,
                        candidates=tuple(map(str, listed)),
                        candidates_name="MetaD2A" if listed else "",
                    )
                    help_is = published(folder, device, number)
                    cases.append(run_case(client, truth, device, limit, order, help_is))
    return cases


def show(cases: list[Case]) -> None:
    """The table and its summary."""
    table = Table(title="Table 4: NAS-Bench-201, CIFAR-100, on replayed devices")
    for name in ("device", "limit ms", "answer ms", "within", "accuracy %", "optimum %", "regret"):
        table.add_column(name, justify="left" if name == "device" else "right")
    for name in ("measured", "HELP %", "HELP ms"):
        table.add_column(name, justify="right")
    for one in cases:
        table.add_row(
            one.device,
            f"{one.limit_ms:g}",
            f"{one.latency_ms:.2f}",
            "yes" if one.within else "NO",
            f"{one.accuracy_percent:.2f}",
            f"{one.optimum_percent:.2f}",
            f"{one.regret_points:.2f}",
            f"{one.support}+{one.confirmations}",
            f"{one.help_percent:.2f}",
            f"{one.help_ms:.2f}" + ("" if one.help_within else " breaks"),
        )
    Console(width=120).print(table)
    for name, value in summary(cases).items():
        print(f"{name}: {value:.3g}")


def summary(cases: list[Case]) -> dict[str, float]:
    """What the table comes down to."""
    kept = [one for one in cases if one.help_within]
    return {
        "within the limit": sum(one.within for one in cases),
        "of": len(cases),
        "mean regret (points)": fmean(one.regret_points for one in cases),
        "largest regret (points)": max(one.regret_points for one in cases),
        "HELP within the limit": len(kept),
        "worse than HELP where HELP kept it": sum(
            one.accuracy_percent < one.help_percent for one in kept
        ),
        "most measurements": max(one.support + one.confirmations for one in cases),
    }


def main(
    candidates: Annotated[
        str, typer.Option(help="all: the whole space; metad2a: MetaD2A's list.")
    ] = "all",
    accuracy: Annotated[str, typer.Option(help="imported or shipped.")] = "imported",
    seed: Annotated[int, typer.Option()] = 0,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Runs all fifteen cases."""
    if candidates not in ("all", "metad2a"):
        raise typer.BadParameter("all or metad2a", param_hint="--candidates")
    cases = run(candidates, accuracy, seed)
    if as_json:
        print_json({"summary": summary(cases), "cases": [asdict(one) for one in cases]})
    else:
        show(cases)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    run_cli(app, "table4")
