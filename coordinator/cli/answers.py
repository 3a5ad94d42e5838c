"""adapt, predict, search."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from coordinator.cli.answer_table import show_answer
from coordinator.cli.grouped import takes
from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, DeviceName, connect
from coordinator.cli.picture import draw_front
from coordinator.cli.progress import watch
from coordinator.cli.report import PhaseTimes, keep_answer
from coordinator.cli.search_options import Asked, Out, Plot, Predictor, Top, Verify
from coordinator.client import Client
from help_core.records import AdaptOrder
from help_core.records.orders import DEFAULT_SAMPLES
from help_proto.console import print_json

__all__ = ["adapt", "predict", "search", "show_answer"]


@takes("asked", Asked)
def adapt(
    context: typer.Context,
    asked: Asked,
    samples: Annotated[
        int, typer.Option(help="Measurements that adapt the predictor.")
    ] = DEFAULT_SAMPLES,
    predictor: Predictor = "",
    top: Top = 1,
    verify: Verify = True,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure again what the store holds already.")
    ] = False,
    plot: Plot = None,
    out: Out = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Find the most accurate architectures within latency limits on a device.

    Measures about ten reference architectures, adapts the predictor to the device, scores the
    candidates and measures the best before it shows them. Ctrl-C stops it; what was measured
    is kept, and the same command goes on from there. A device that goes away is waited for.
    """
    order = replace(
        asked.order(top=top, verify=verify), samples=samples, predictor=predictor, fresh=fresh
    )
    with connect(context, coordinator) as client:
        _answer(client, order, plot, out, as_json=as_json)


@takes("asked", Asked)
def search(
    context: typer.Context,
    asked: Asked,
    top: Top = 3,
    verify: Verify = False,
    plot: Plot = None,
    out: Out = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Search again on a device that was adapted before, from what was measured then.

    Takes no measurement unless --verify asks for the winners to be measured; without it an
    answer is predicted and may break its limit.
    """
    order = replace(asked.order(top=top, verify=verify), reuse_adaptation=True)
    with connect(context, coordinator) as client:
        _answer(client, order, plot, out, as_json=as_json)


def _answer(client: Client, order: AdaptOrder, plot: Plot, out: Out, *, as_json: bool) -> None:
    times = PhaseTimes()
    answer = watch(times.follow(client.adapt(order)))
    if out is not None:
        keep_answer(client, answer, out, times.phases(), _command(sys.argv[1:]))
    if plot is not None:
        draw_front(answer, plot)
    if as_json:
        print_json(answer)
    else:
        show_answer(answer)


def _command(arguments: Sequence[str]) -> str:
    """The command line for a page that is shown to others: without a token."""
    kept = [one for one in arguments if not one.startswith("--token=")]
    while "--token" in kept:
        index = kept.index("--token")
        del kept[index : index + 2]
    return shlex.join(["help-coord", *kept])


def predict(
    context: typer.Context,
    device: DeviceName,
    architecture: Annotated[list[str], typer.Option(help="Canonical string; may be repeated.")],
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Predict latencies on a device that was adapted before, without measuring."""
    with connect(context, coordinator) as client:
        rows, predictor = client.predict(device, architecture)
    if as_json:
        keys = ("architecture", "latency_ms", "low_ms", "high_ms")
        print_json(
            {
                "predictor": predictor,
                "latencies": [dict(zip(keys, row, strict=True)) for row in rows],
            }
        )
        return
    table = Table(title=f"{predictor} on {device}")
    for name in ("predicted ms", "90 % interval", "architecture"):
        table.add_column(name, overflow="fold")
    for name, latency_ms, low_ms, high_ms in rows:
        table.add_row(f"{latency_ms:.4g}", f"{low_ms:.4g}-{high_ms:.4g}", name)
    Console().print(table)
