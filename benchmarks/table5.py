"""HELP's Table 5 on a replayed GPU: ``python benchmarks/table5.py``.

OFA-MobileNetV3 on titan_rtx_64 at 20, 23 and 28 ms, over gRPC on loopback. The device replays
HELP's table of 5,000 subnets, and the answer is chosen among those, so that its latency is
known: ten measurements for the support set, at most ten that confirm. Accuracy is whatever
source ``--accuracy`` names (default: what ships for OFA); where there is none the largest
network within the limit is shown and the accuracies stay empty. Beside it HELP's published
subnets, their published latency and top-1, and what the same source says of them.

With ``--free`` the whole space is searched by evolution as well; those answers are predicted,
because no table has them. Needs ``HELP_REFERENCE_DATA``.
"""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from agent.boards.replay import read_column
from benchmarks.loopback import agent, ask, reference_data, replay
from coordinator.client import Client
from coordinator.embedded import embedded
from help_core.accuracy import load_shipped_accuracy
from help_core.records import AdaptOrder, Pick
from help_core.spaces import Architecture
from help_core.spaces.ofa import OFAMobileNetV3
from help_proto.console import print_json, run_cli

DEVICE = "titan_rtx_64"
LIMITS_MS = (20.0, 23.0, 28.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One limit; accuracies in percent, ``None`` without a source."""

    limit_ms: float
    latency_ms: float
    within: bool
    accuracy_percent: float | None
    multiply_adds: int
    architecture: str
    confirmations: int
    help_published_ms: float
    help_published_percent: float
    help_accuracy_percent: float | None
    free_predicted_ms: float | None = None
    free_accuracy_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """One of HELP's answers with the figures in its file's name."""

    architecture: Architecture
    latency_ms: float
    accuracy_percent: float


def published(folder: Path, space: OFAMobileNetV3) -> list[Published]:
    """HELP's three, fastest first."""
    found = []
    for path in (folder / "architecture_config" / "gpu_titan_rtx_64").glob("*.json"):
        figures = re.fullmatch(r"latency_([0-9.]+)ms_accuracy_([0-9.]+)", path.stem)
        assert figures is not None
        architecture = space.from_config(json.loads(path.read_text()))
        found.append(Published(architecture, float(figures[1]), float(figures[2])))
    return sorted(found, key=lambda one: one.latency_ms)


def percent_of(space: OFAMobileNetV3, architecture: Architecture, source: str) -> float | None:
    """What the shipped source says of an architecture."""
    found = None if source == "none" else load_shipped_accuracy(space.name)
    if found is None:
        return None
    percent = float(found.accuracy_percent(space.to_genes([architecture]))[0])
    return percent if np.isfinite(percent) else None


def run(accuracy: str, seed: int, *, free: bool) -> tuple[list[Row], str]:
    """The rows, and the name of the accuracy source."""
    folder = reference_data() / "help" / "ofa"
    table, space = folder / "latency" / f"{DEVICE}.pt", OFAMobileNetV3()
    truth = read_column(table, space, DEVICE)
    rows: list[Row] = []
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(embedded(str(work / "coordinator.db")))
        client = stack.enter_context(Client(address))
        stack.enter_context(agent(address, work / "agent", DEVICE, replay(table, space.name)))
        source = ""
        for limit, theirs in zip(LIMITS_MS, published(folder, space), strict=True):
            order = AdaptOrder(
                DEVICE,
                space.name,
                max_latency_ms=(limit,),
                winner_measurements=10,
                seed=seed,
                accuracy_source=accuracy,
                candidates=tuple(map(str, truth)),
                candidates_name="HELP's 5,000",
            )
            answer = ask(client, order)
            (pick,), source = answer.picks, answer.accuracy_source
            latency_ms = truth[space.parse(pick.architecture)]
            row = Row(
                limit_ms=limit,
                latency_ms=latency_ms,
                within=latency_ms <= limit,
                accuracy_percent=pick.accuracy_percent,
                multiply_adds=pick.multiply_adds,
                architecture=pick.architecture,
                confirmations=len(answer.confirmations),
                help_published_ms=theirs.latency_ms,
                help_published_percent=theirs.accuracy_percent,
                help_accuracy_percent=percent_of(space, theirs.architecture, accuracy),
            )
            rows.append(_with_free(client, order, row) if free else row)
    return rows, source


def _with_free(client: Client, order: AdaptOrder, row: Row) -> Row:
    wanted = replace(order, candidates=(), candidates_name="", verify=False, reuse_adaptation=True)
    pick: Pick = ask(client, wanted).picks[0]
    return replace(
        row, free_predicted_ms=pick.predicted_ms, free_accuracy_percent=pick.accuracy_percent
    )


def show(rows: list[Row], source: str) -> None:
    """The table."""
    table = Table(
        title=f"Table 5: OFA on {DEVICE}", caption=f"predicted top-1: {source or 'no source'}"
    )
    names = ["limit ms", "answer ms", "within", "predicted %", "M mult-adds", "measured"]
    names += ["HELP ms", "HELP %", "HELP by the same source %"]
    names += ["whole space: predicted ms", "predicted %"] if rows[0].free_predicted_ms else []
    for name in names:
        table.add_column(name, justify="right")
    for one in rows:
        cells = [f"{one.limit_ms:g}", f"{one.latency_ms:.2f}", "yes" if one.within else "NO"]
        cells += [_shown(one.accuracy_percent), f"{one.multiply_adds / 1e6:.0f}"]
        cells += [f"10+{one.confirmations}", f"{one.help_published_ms:g}"]
        cells += [f"{one.help_published_percent:g}", _shown(one.help_accuracy_percent)]
        if one.free_predicted_ms:
            cells += [_shown(one.free_predicted_ms), _shown(one.free_accuracy_percent)]
        table.add_row(*cells)
    Console(width=130).print(table)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def main(
    accuracy: Annotated[
        str, typer.Option(help="Accuracy source by name. Default: what ships.")
    ] = "",
    free: Annotated[bool, typer.Option(help="Search the whole space, too.")] = True,
    seed: Annotated[int, typer.Option()] = 0,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Runs the three limits."""
    rows, source = run(accuracy, seed, free=free)
    if as_json:
        print_json({"accuracy_source": source, "rows": [asdict(one) for one in rows]})
    else:
        show(rows, source)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    run_cli(app, "table5")
