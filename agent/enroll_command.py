"""``help-agent enroll``, and which credentials ``help-agent run`` goes with."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent.credentials import CredentialFiles, Credentials
from agent.enrolment import enrol
from agent.naming import default_device_name
from agent.state import default_state_dir, open_state_dir
from help_core.errors import BadInput, Unauthenticated
from help_core.records import Settings, check_name
from help_proto.trust import fetch_authority, fingerprint, is_loopback, split_address

DEFAULT_ADDRESS = "127.0.0.1:50051"
Coordinator = Annotated[
    str,
    typer.Option(
        "--coordinator",
        envvar="HELP_COORDINATOR",
        metavar="HOST:PORT",
        help="Where help-coord serve listens. Default: where it enrolled, or 127.0.0.1:50051.",
        show_default=False,
    ),
]


def credentials_for(
    folder: Path, agent_id: str, coordinator: str
) -> tuple[CredentialFiles, Credentials | None, str]:
    """The agent's certificate, if it has one, and the address to connect to."""
    if coordinator:
        split_address(coordinator)
    files = CredentialFiles(folder)
    held = files.load()
    if held is not None:
        held.check(agent_id, time.time())
        enrolled = coordinator in ("", held.enrolled_at)
        return files, held, held.coordinator if enrolled else coordinator
    address = coordinator or DEFAULT_ADDRESS
    if not is_loopback(address):
        raise Unauthenticated(
            f"this agent is not enrolled with {address}, and beyond loopback it must be; run:"
            f" help-agent enroll --coordinator {address} --ca-fingerprint F --token T"
            f" --state-dir {folder}"
        )
    return files, None, address


def enroll(
    coordinator: Coordinator,
    token: Annotated[
        str,
        typer.Option(envvar="HELP_TOKEN", help="One-time token of 'help-coord token create'."),
    ],
    ca_fingerprint: Annotated[
        str, typer.Option(help="As printed with the token, or by 'help-coord tls show'.")
    ] = "",
    ca: Annotated[
        Path | None, typer.Option(help="The authority's certificate itself, in PEM.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Name of the device, as for run; it picks the state folder.")
    ] = "",
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the agent's identity, as for run.")
    ] = None,
) -> None:
    """Get this agent's certificate from a coordinator with TLS, once.

    Afterwards 'help-agent run' with the same --device or --state-dir uses it, and renews it
    before it ends.
    """
    if bool(ca_fingerprint) == (ca is not None):
        raise BadInput("give either --ca-fingerprint or --ca, to know the coordinator by")
    name = check_name("device", device or default_device_name(Settings()))
    folder = state_dir or default_state_dir(name)
    ca_pem = _read_ca(ca) if ca else fetch_authority(coordinator, ca_fingerprint)
    agent_id = open_state_dir(folder)
    credentials = enrol(CredentialFiles(folder), coordinator, ca_pem, token, agent_id)
    Console().print(
        f"Enrolled as agent {agent_id}; connects to {credentials.coordinator}."
        " Start it with 'help-agent run', with the same --device or --state-dir.",
        soft_wrap=True,
        highlight=False,
    )


def _read_ca(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"--ca {path}: cannot be read ({error.strerror})") from None
    fingerprint(content)
    return content
