"""Does harm to a small fleet and counts what came through: ``python benchmarks/faults.py``.

Each experiment runs real coordinators and agents in processes of their own; ``--long`` takes
the figures of docs/reliability.md. An experiment that this machine cannot do says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.fault_database import two_coordinators
from benchmarks.fault_delivery import repeated_and_reordered
from benchmarks.fault_disk import full_disk
from benchmarks.fault_network import dropped_packets
from benchmarks.fault_processes import killed_agents, killed_coordinator, stopped_agent
from benchmarks.fault_refusals import refused
from benchmarks.fault_results import LONG, SHORT, CannotRun, Folder, Result, Size
from benchmarks.fault_spool import damaged_spool
from help_core.errors import BadInput, MeasurementFailed, TimedOut
from help_proto.console import print_json, run_cli

EXPERIMENTS: dict[str, Callable[[Folder, Size], Result]] = {
    "1": killed_coordinator,
    "2": killed_agents,
    "3": stopped_agent,
    "4": dropped_packets,
    "5": damaged_spool,
    "6": full_disk,
    "7": repeated_and_reordered,
    "8": two_coordinators,
    "9": refused,
}


def experiment(number: str, size: Size) -> Result:
    """Runs one experiment in a folder of its own; raises ``CannotRun``."""
    # Not below a folder that only this user may enter: PostgreSQL runs as another one.
    with tempfile.TemporaryDirectory(prefix="help-faults-") as folder:
        return EXPERIMENTS[number](Path(folder), size)


def _attempt(number: str, size: Size) -> Result:
    """An experiment's result, also if it cannot run here or did not come to its end."""
    name = EXPERIMENTS[number].__name__.replace("_", " ")
    try:
        return experiment(number, size)
    except CannotRun as error:
        return Result(name, None, f"not run: {error}")
    except (TimedOut, MeasurementFailed) as error:
        return Result(name, None, f"failed: {error}", failed=True)


def run(
    only: Annotated[
        list[str] | None, typer.Option(help=f"Experiments: {', '.join(EXPERIMENTS)}.")
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="As published; takes an hour.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Runs experiments and prints what came through each."""
    results: list[Result] = []
    for number in only or list(EXPERIMENTS):
        if number not in EXPERIMENTS:
            raise BadInput(f"--only {number!r} is unknown; use {', '.join(EXPERIMENTS)}")
        results.append(_attempt(number, LONG if long else SHORT))
        if long:
            Console(stderr=True).print(f"{number}: {results[-1]}")
    if as_json:
        print_json([asdict(result) for result in results])
    else:
        _show(results)
    if not all(result.holds for result in results):
        raise MeasurementFailed("something was lost, doubled or left undone; see the table")


def _show(results: list[Result]) -> None:
    columns = ("sent", "acknowledged", "stored", "stale", "lost", "duplicate", "unfinished")
    table = Table(title="What came through")
    table.add_column("experiment")
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("remark", overflow="fold")
    for result in results:
        values = asdict(result.counts) if result.counts else {}
        cells = [f"{values[column]:,}" if values else "" for column in columns]
        table.add_row(result.name, *cells, result.remark)
    Console(width=170).print(table)


if __name__ == "__main__":
    run_cli(lambda: typer.run(run), "faults")
