"""plot: what is known of a device, as a picture or as figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from coordinator.cli.grouped import takes
from coordinator.cli.options import (
    DEFAULT_ADDRESS,
    AsJson,
    Coordinator,
    DeviceName,
    Space,
    connect,
)
from coordinator.cli.picture import draw_calibration, draw_embedding, draw_front
from coordinator.insight_calls import InsightCalls
from help_core.errors import BadInput
from help_proto.console import print_json

T = TypeVar("T")
Read = Callable[[InsightCalls, str, str], T]

SUFFIXES = (".png", ".svg")
"""As in ``help_core.plots``, which is imported only once there is something to draw."""

PictureFile = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Picture to write, .svg or .png.", show_default=False
    ),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What every picture is asked for with."""

    device: DeviceName
    space: Space = "nasbench201"
    out: PictureFile = None
    coordinator: Coordinator = DEFAULT_ADDRESS
    as_json: AsJson = False

    def show(self, context: typer.Context, read: Read[T], draw: Callable[[T, Path], None]) -> None:
        """Asks the coordinator for figures, draws and prints them."""
        self._check()
        with connect(context, self.coordinator) as client:
            found = read(client.insight, self.device, self.space)
        if self.out is not None:
            draw(found, self.out)
        if self.as_json:
            print_json(found)
        else:
            text = f"{self.out} is written."
            Console().print(text, markup=False, highlight=False, soft_wrap=True)

    def _check(self) -> None:
        """Raises ``BadInput`` before the coordinator is asked for what nobody could see."""
        if self.out is None and not self.as_json:
            raise BadInput("say where the picture goes with --out FILE.svg, or ask for --json")
        if self.out is not None and self.out.suffix.lower() not in SUFFIXES:
            raise BadInput(f"--out {self.out}: a picture ends in {' or '.join(SUFFIXES)}")


plot_app = typer.Typer(
    help="Draw an answer's front, a device's calibration or its embedding.",
    no_args_is_help=True,
)


@plot_app.command()
@takes("asked", Asked)
def front(context: typer.Context, asked: Asked) -> None:
    """Draw the front of the newest answer: predicted, offered and measured architectures.

    'adapt' and 'search' draw the answer that they give with --plot.
    """
    asked.show(context, InsightCalls.answer, draw_front)


@plot_app.command()
@takes("asked", Asked)
def calibration(context: typer.Context, asked: Asked) -> None:
    """Draw predicted against measured latency, and how often the 90 % intervals held.

    The predictor is adapted to the support set of the newest answer alone, and compared with
    everything else that was measured on the device.
    """
    asked.show(context, InsightCalls.calibration, draw_calibration)


@plot_app.command()
@takes("asked", Asked)
def embedding(context: typer.Context, asked: Asked) -> None:
    """Draw the relative latencies of the support set beside the nearest known devices'.

    Known are the devices of the fleet that were adapted with the same architectures, and
    those that the predictor learned from.
    """
    asked.show(context, InsightCalls.embedding, draw_embedding)
