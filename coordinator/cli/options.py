"""Options that several commands share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from coordinator.client import Client
from coordinator.credentials import channel_credentials, default_logins, find_login, look_again

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


@dataclass(frozen=True, slots=True)
class Given:
    """What was said before the command: ``help-coord --ca FILE --token T COMMAND``."""

    ca: Path | None = None
    token: str = ""


def connect(context: typer.Context, address: str) -> Client:
    """A client with the credentials that were given, or kept by ``help-coord login``."""
    given = context.find_object(Given) or Given()
    login = find_login(address, default_logins(), given.ca, given.token)
    where = login.connects_to if login and login.connects_to else address
    client = Client(where, channel_credentials(login) if login else None)
    if login is not None and given.ca is None:
        look_again(default_logins(), address, client.channel, time.time())
    return client


LogFormat = Annotated[
    str, typer.Option("--log-format", help="text for a person, json: one object a line.")
]
