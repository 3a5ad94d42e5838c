"""Answers on this very machine, from nothing: ``python benchmarks/answers.py``.

For each search space a fresh store, a coordinator and an agent that measures here with
onnxruntime, and one order for three limits: the 25th, 50th and 75th percentile of the
reference architectures that were measured to adapt. NAS-Bench-201 by its accuracy model, OFA
by its accuracy source if it has one, HAT by size. Prints what each answer was predicted and
measured to take, whether it keeps its limit, and the wall time from nothing to the answer.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from agent.conditions import System, describe_host
from benchmarks.loopback import agent, ask
from coordinator.client import Client
from coordinator.embedded import embedded
from help_core.records import AdaptOrder, Verdict
from help_proto.console import print_json, run_cli

DEVICE = "this-machine"
LEVELS = (25, 50, 75)


@dataclass(frozen=True, slots=True)
class Row:
    """One answer."""

    space: str
    objective: str
    accuracy_source: str
    limit_ms: float
    predicted_ms: float
    measured_ms: float
    within: bool
    accuracy_percent: float | None
    multiply_adds: int
    architecture: str
    message: str


@dataclass(frozen=True, slots=True)
class Space:
    """What one space took."""

    space: str
    support: int
    confirmations: int
    suspect: int
    candidates: int
    seconds_to_limits: float
    """Agent started, support set measured, predictor adapted."""
    seconds: float
    """From nothing to the answer."""
    rows: tuple[Row, ...]


def run(space: str, threads: int, measurements: int) -> Space:
    """From nothing to the answers for one space."""
    begin = time.perf_counter()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(embedded(str(work / "coordinator.db")))
        client = stack.enter_context(Client(address))
        board = ["--threads", str(threads)]
        stack.enter_context(agent(address, work / "agent", DEVICE, board))
        first = ask(client, AdaptOrder(DEVICE, space, verify=False))
        seconds_to_limits = time.perf_counter() - begin
        support_ms = [point.latency_ms for point in first.support]
        limits = tuple(float(f"{np.percentile(support_ms, level):.3g}") for level in LEVELS)
        order = AdaptOrder(DEVICE, space, max_latency_ms=limits, winner_measurements=measurements)
        answer = ask(client, order)
    messages = {one.limit_ms: one.message for one in answer.limits}
    points = [*answer.support, *answer.confirmations]
    return Space(
        space=space,
        support=len(answer.support),
        confirmations=len(answer.confirmations),
        suspect=sum(point.verdict is Verdict.SUSPECT for point in points),
        candidates=answer.candidates,
        seconds_to_limits=seconds_to_limits,
        seconds=time.perf_counter() - begin,
        rows=tuple(
            Row(
                space=space,
                objective=answer.objective.value,
                accuracy_source=answer.accuracy_source,
                limit_ms=pick.limit_ms or 0.0,
                predicted_ms=pick.predicted_ms,
                measured_ms=pick.measured_ms or 0.0,
                within=0 < (pick.measured_ms or 0.0) <= (pick.limit_ms or 0.0),
                accuracy_percent=pick.accuracy_percent,
                multiply_adds=pick.multiply_adds,
                architecture=pick.architecture,
                message=messages[pick.limit_ms],
            )
            for pick in answer.picks
        ),
    )


def show(found: list[Space], threads: int) -> None:
    """The table."""
    processor = describe_host(System()).processor
    table = Table(
        title=f"Answers on {processor}, {threads} thread(s); load {os.getloadavg()[0]:.1f}"
    )
    for name in ("space", "by", "limit ms", "predicted", "measured", "within", "accuracy %"):
        table.add_column(name, justify="right")
    table.add_column("M mult-adds", justify="right")
    for space in found:
        for row in space.rows:
            accuracy = "-" if row.accuracy_percent is None else f"{row.accuracy_percent:.1f}"
            table.add_row(
                row.space,
                row.objective,
                f"{row.limit_ms:g}",
                f"{row.predicted_ms:.3g}",
                f"{row.measured_ms:.3g}",
                "yes" if row.within else "NO",
                accuracy,
                f"{row.multiply_adds / 1e6:.0f}",
            )
    Console(width=120).print(table)
    for space in found:
        print(
            f"{space.space}: {len(space.rows)} of {len(LEVELS)} limits answered;"
            f" {space.support} + {space.confirmations} measurements ({space.suspect} suspect),"
            f" {space.candidates:,} candidates, {space.seconds:.0f} s from nothing to the answer"
            f" ({space.seconds_to_limits:.0f} s to the adapted predictor)"
        )


def main(
    spaces: Annotated[str, typer.Option(metavar="A,B")] = "nasbench201,ofa,hat",
    threads: Annotated[int, typer.Option()] = 1,
    measurements: Annotated[int, typer.Option(help="Most that confirm a space's answers.")] = 15,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """One space after the other."""
    found = [run(space, threads, measurements) for space in spaces.split(",")]
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        show(found, threads)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    run_cli(app, "answers")
