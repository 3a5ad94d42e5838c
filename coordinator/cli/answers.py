"""adapt, predict, search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, DeviceName, Space, connect
from coordinator.cli.picture import draw_front
from coordinator.cli.progress import watch
from help_core.records import AdaptOrder, Answer, LimitOutcome, Pick
from help_core.records.orders import DEFAULT_SAMPLES
from help_proto.console import print_json

Limits = Annotated[
    list[float] | None,
    typer.Option(
        "--max-latency-ms",
        help="Latency limit; may be repeated. Default: levels spread over what the device can do.",
        show_default=False,
    ),
]


def adapt(
    context: typer.Context,
    device: DeviceName,
    space: Space = "nasbench201",
    samples: Annotated[
        int, typer.Option(help="Measurements that adapt the predictor.")
    ] = DEFAULT_SAMPLES,
    max_latency_ms: Limits = None,
    top: Annotated[int, typer.Option(help="Architectures to show for each limit.")] = 1,
    verify: Annotated[bool, typer.Option(help="Measure the winners before they are shown.")] = True,
    predictor: Annotated[
        str, typer.Option(help="Predictor. Default: the best for the space.", show_default=False)
    ] = "",
    measurements: Annotated[
        int,
        typer.Option(
            min=0, help="Most measurements to confirm winners with; 0: as many as is usual."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure again what the store holds already.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Also draw the front to this .png or .svg file.")
    ] = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Find the most accurate architectures within latency limits on a device.

    Measures about ten reference architectures, adapts the predictor to the device, scores the
    whole space and measures the candidates before it shows them. Ctrl-C stops it; what was
    measured is kept, and the same command goes on from there.
    """
    order = AdaptOrder(
        device=device,
        space=space,
        predictor=predictor,
        samples=samples,
        max_latency_ms=tuple(max_latency_ms or ()),
        top=top,
        verify=verify,
        winner_measurements=measurements,
        seed=seed,
        fresh=fresh,
    )
    with connect(context, coordinator) as client:
        answer = watch(client.adapt(order))
    if plot is not None:
        draw_front(answer, plot)
    if as_json:
        print_json(answer)
    else:
        show_answer(answer)


def show_answer(answer: Answer) -> None:
    """The table of an answer, its notes and its architectures."""
    console = Console()
    console.print(
        _picks_table(f"{answer.space} on {answer.device}", answer.picks, answer.accuracy_source)
    )
    _print_architectures(console, answer.picks)
    _print_limits(console, answer.limits)
    for note in answer.notes:
        console.print(
            f"note: {note}", style="yellow", markup=False, highlight=False, soft_wrap=True
        )
    console.print(_summary(answer), highlight=False, soft_wrap=True)


def _summary(answer: Answer) -> str:
    text = f"{len(answer.support)} measurements adapted the predictor {answer.predictor}"
    if answer.confirmations:
        text += f", {len(answer.confirmations)} confirmed the answer"
    return f"{text}; {answer.elapsed_s:.0f} s in all." if answer.elapsed_s else f"{text}."


def _picks_table(title: str, picks: tuple[Pick, ...], source: str) -> Table:
    table = Table(title=title, caption=f"accuracy: {source}" if source else None)
    headers = ("limit\nms", "predicted\nms", "90 %\ninterval", "measured\nms", "accuracy\n%")
    for name in ("#", *headers, "params\nM", "MACs\nM"):
        table.add_column(name, justify="right")
    for number, pick in enumerate(picks, start=1):
        table.add_row(
            str(number),
            f"{pick.limit_ms:.4g}",
            f"{pick.predicted_ms:.3g}",
            f"{pick.low_ms:.3g}-{pick.high_ms:.3g}",
            "-" if pick.measured_ms is None else f"{pick.measured_ms:.3g}",
            "-" if pick.accuracy_percent is None else f"{pick.accuracy_percent:.1f}",
            f"{pick.parameters / 1e6:.3f}",
            f"{pick.multiply_adds / 1e6:.1f}",
        )
    return table


def _print_architectures(console: Console, picks: tuple[Pick, ...]) -> None:
    for number, pick in enumerate(picks, start=1):
        console.print(
            f"{number:>3}  {pick.architecture}", markup=False, highlight=False, soft_wrap=True
        )


def _print_limits(console: Console, limits: tuple[LimitOutcome, ...]) -> None:
    for outcome in limits:
        if not outcome.met:
            console.print(
                f"limit {outcome.limit_ms:g} ms: {outcome.message}",
                style="yellow",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


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


def search(
    context: typer.Context,
    device: DeviceName,
    max_latency_ms: Annotated[
        list[float], typer.Option("--max-latency-ms", help="Latency limit; may be repeated.")
    ],
    space: Space = "nasbench201",
    top: Annotated[int, typer.Option(min=1, max=1000, help="Architectures for each limit.")] = 3,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Search by prediction alone on a device that was adapted before.

    Takes no measurement, so an answer may break its limit; 'help-coord adapt' confirms.
    """
    with connect(context, coordinator) as client:
        answer = client.search(device, space, max_latency_ms, top)
    if as_json:
        print_json(answer)
    else:
        show_answer(answer)
