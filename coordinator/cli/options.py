"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

DEFAULT_ADDRESS = "127.0.0.1:50051"

Coordinator = Annotated[
    str,
    typer.Option(
        "--coordinator",
        envvar="HELP_COORDINATOR",
        metavar="HOST:PORT",
        help="Where help-coord serve listens.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, alone on stdout.")]
Space = Annotated[str, typer.Option(help="Search space, for example nasbench201.")]
DeviceName = Annotated[
    str, typer.Option("--device", help="Device, as 'help-coord devices' lists it.")
]
LogFormat = Annotated[
    str, typer.Option("--log-format", help="text for a person, json: one object a line.")
]
