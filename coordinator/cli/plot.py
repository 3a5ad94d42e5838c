"""plot: what is known of a device, as a picture or as figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from coordinator.cli.options import (
    DEFAULT_ADDRESS,
    AsJson,
    Coordinator,
    DeviceName,
    Space,
    connect,
)
from coordinator.cli.picture import draw_calibration, draw_embedding, draw_front
from help_core.errors import BadInput
from help_proto.console import print_json

T = TypeVar("T")

SUFFIXES = (".png", ".svg")
"""As in ``help_core.plots``, which is imported only once there is something to draw."""

PictureFile = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Picture to write, .svg or .png.", show_default=False
    ),
]

plot_app = typer.Typer(
    help="Draw an answer's front, a device's calibration or its embedding.",
    no_args_is_help=True,
)


@plot_app.command()
def front(
    context: typer.Context,
    device: DeviceName,
    space: Space = "nasbench201",
    out: PictureFile = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Draw the front of the newest answer: predicted, offered and measured architectures.

    'adapt' and 'search' draw the answer that they give with --plot.
    """
    _check(out, as_json=as_json)
    with connect(context, coordinator) as client:
        answer = client.insight.answer(device, space)
    _show(answer, draw_front, out, as_json=as_json)


@plot_app.command()
def calibration(
    context: typer.Context,
    device: DeviceName,
    space: Space = "nasbench201",
    out: PictureFile = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Draw predicted against measured latency, and how often the 90 % intervals held.

    The predictor is adapted to the support set of the newest answer alone, and compared with
    everything else that was measured on the device.
    """
    _check(out, as_json=as_json)
    with connect(context, coordinator) as client:
        found = client.insight.calibration(device, space)
    _show(found, draw_calibration, out, as_json=as_json)


@plot_app.command()
def embedding(
    context: typer.Context,
    device: DeviceName,
    space: Space = "nasbench201",
    out: PictureFile = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Draw the relative latencies of the support set beside the nearest known devices'.

    Known are the devices of the fleet that were adapted with the same architectures, and
    those that the predictor learned from.
    """
    _check(out, as_json=as_json)
    with connect(context, coordinator) as client:
        found = client.insight.embedding(device, space)
    _show(found, draw_embedding, out, as_json=as_json)


def _check(out: Path | None, *, as_json: bool) -> None:
    """Raises ``BadInput`` before the coordinator is asked for what nobody could see."""
    if out is None and not as_json:
        raise BadInput("say where the picture goes with --out FILE.svg, or ask for --json")
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise BadInput(f"--out {out}: a picture ends in {' or '.join(SUFFIXES)}")


def _show(figures: T, draw: Callable[[T, Path], None], out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        draw(figures, out)
    if as_json:
        print_json(figures)
    else:
        Console().print(f"{out} is written.", markup=False, highlight=False, soft_wrap=True)
