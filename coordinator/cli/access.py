"""login, token …, agents …, audit, tls …"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coordinator.access_client import AccessClient, NewToken
from coordinator.cli.fleet import default_tls_dir
from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, Given, connect
from coordinator.client import Client
from coordinator.credentials import (
    Login,
    channel_credentials,
    default_logins,
    find_login,
    keep_login,
    split_identity,
)
from coordinator.security.records import Role
from help_core.errors import BadInput
from help_proto.console import print_json
from help_proto.private_files import read_private, write_private
from help_proto.trust import fetch_authority, fetch_trusted, is_loopback

if TYPE_CHECKING:
    from coordinator.local_access import LocalAccess

DAY_S = 86_400.0
DEFAULT_DAYS = {Role.AGENT_ENROL: 1.0, Role.USER: 90.0, Role.ADMIN: 30.0}

OwnStore = Annotated[
    str,
    typer.Option(
        "--store",
        help="Act on this store itself, beside the coordinator: for the first admin.",
        show_default=False,
    ),
]
token_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens.")
agents_app = typer.Typer(no_args_is_help=True, help="List enrolled agents, and revoke them.")


@contextmanager
def _access(
    context: typer.Context, coordinator: str, store: str
) -> Iterator[AccessClient | LocalAccess]:
    if store:
        # The database's libraries take half a second to import, which only this needs.
        from coordinator.local_access import LocalAccess

        with LocalAccess(store, default_tls_dir()) as local:
            yield local
    else:
        with connect(context, coordinator) as client:
            yield AccessClient(client)


def login(
    context: typer.Context,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    ca_fingerprint: Annotated[
        str, typer.Option(help="As 'help-coord tls show' prints it beside the coordinator.")
    ] = "",
    certificate: Annotated[
        Path | None,
        typer.Option(help="File of 'help-coord token create --certificate', instead of a token."),
    ] = None,
) -> None:
    """Keep a token for a coordinator with TLS, after making sure that it is the right one.

    The token comes from HELP_TOKEN, or is asked for.
    """
    given = context.find_object(Given) or Given()
    if ca_fingerprint:
        ca_pem = fetch_authority(coordinator, ca_fingerprint).decode("ascii")
    else:
        found = find_login(coordinator, default_logins(), given.ca, "")
        if found is None:
            raise BadInput("--ca-fingerprint is missing; 'help-coord tls show' prints it")
        ca_pem = found.ca_pem
    if certificate is not None:
        kept = _with_certificate(coordinator, ca_pem, certificate)
    else:
        kept = Login(ca_pem, given.token or _ask_token())
    with Client(kept.connects_to or coordinator, channel_credentials(kept)) as client:
        client.devices()
        trusted, _ = fetch_trusted(client.channel, coordinator)
    ca_pem = trusted.decode("ascii") or ca_pem
    kept = replace(kept, ca_pem=ca_pem, looked_unix_s=time.time())
    keep_login(default_logins(), coordinator, kept)
    Console().print(f"Logged in to {coordinator}; kept in {default_logins()}", soft_wrap=True)


def _with_certificate(coordinator: str, ca_pem: str, path: Path) -> Login:
    """A login by certificate, which is shown on the agents' port of the same host."""
    identity = read_private(path).decode("ascii", "replace")
    split_identity(identity)
    with Client(coordinator, channel_credentials(Login(ca_pem, ""))) as client:
        _, port = fetch_trusted(client.channel, coordinator)
    host = coordinator.rpartition(":")[0]
    return Login(ca_pem, "", identity_pem=identity, connects_to=f"{host}:{port}")


def _ask_token() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Token", hide_input=True)).strip()
    line = sys.stdin.readline().strip()
    if not line:
        raise BadInput("no token: set HELP_TOKEN or write it to standard input")
    return line


@token_app.command("create")
def create_token(
    context: typer.Context,
    role: Annotated[str, typer.Option(help=f"What it is for: {', '.join(Role)}.")],
    label: Annotated[str, typer.Option(help="Whose it is, for the list and the log.")] = "",
    days: Annotated[
        float | None,
        typer.Option(help="Days until it expires. Default: agent-enrol 1, user 90, admin 30."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a key and a client certificate there, to be shown instead of a secret.",
            show_default=False,
        ),
    ] = None,
    store: OwnStore = "",
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Make a token and show it, this once: only a digest of it is kept."""
    if role not in list(Role):
        raise BadInput(f"--role {role!r} is unknown; use {', '.join(Role)}")
    chosen = Role(role)
    lifetime_s = (DEFAULT_DAYS[chosen] if days is None else days) * DAY_S
    with _access(context, coordinator, store) as access:
        if certificate is None:
            made = access.create_token(chosen, label, lifetime_s)
        else:
            made = _make_certificate(access, chosen, label, lifetime_s, certificate)
    if as_json:
        print_json(made)
        return
    if made.secret:
        # The secret alone on stdout, so that a script can take it.
        typer.echo(made.secret)
    Console(stderr=True).print(Text(_advice(made, coordinator)), soft_wrap=True, highlight=False)


def _make_certificate(
    access: AccessClient | LocalAccess, role: Role, label: str, lifetime_s: float, path: Path
) -> NewToken:
    from coordinator.security.certificates import key_pem, new_key, signing_request

    if path.exists():
        raise BadInput(f"--certificate {path} is there already; name a new file")
    key = new_key()
    pem, made = access.create_certificate(role, label, lifetime_s, signing_request(key))
    write_private(path, key_pem(key) + pem)
    return made


def _advice(made: NewToken, coordinator: str) -> str:
    token = made.token
    lines = [f"Token {token.id} ({token.role}), good until {_moment(token.expires_unix_s)}."]
    where = "HOST:PORT" if is_loopback(coordinator) else coordinator
    pin = f"--ca-fingerprint {made.ca_fingerprint or 'FINGERPRINT'}"
    if token.role is Role.AGENT_ENROL:
        lines.append(f"On the board: help-agent enroll --coordinator {where} {pin} --token TOKEN")
    else:
        shown = " --certificate FILE" if token.certificate else ""
        lines.append(f"Its owner runs: help-coord login --coordinator {where} {pin}{shown}")
    return "\n".join(lines)


@token_app.command("list")
def list_tokens(
    context: typer.Context,
    store: OwnStore = "",
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """List tokens, the newest first, without their secrets."""
    with _access(context, coordinator, store) as access:
        found = access.tokens()
    if as_json:
        print_json(found)
        return
    table = _table("Tokens", "id", "role", "kind", "label", "state", "expires", "last used")
    for token in found:
        state = "revoked" if token.revoked else "used" if token.used_by else "good"
        if state == "good" and token.expires_unix_s <= time.time():
            state = "expired"
        last = "never" if token.last_used_unix_s is None else _moment(token.last_used_unix_s)
        kind = "certificate" if token.certificate else "secret"
        ends = _moment(token.expires_unix_s)
        table.add_row(*map(Text, (token.id, token.role, kind, token.label, state, ends, last)))
    Console().print(table)


@token_app.command("revoke")
def revoke_token(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="As 'token list' shows it.")],
    store: OwnStore = "",
    coordinator: Coordinator = DEFAULT_ADDRESS,
) -> None:
    """End a token at once (other coordinators on the same store follow within 5 s)."""
    with _access(context, coordinator, store) as access:
        access.revoke_token(token_id)
    Console().print(f"Token {token_id} is revoked.", markup=False)


@agents_app.command("list")
def list_agents(
    context: typer.Context,
    store: OwnStore = "",
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """List enrolled agents with their devices."""
    with _access(context, coordinator, store) as access:
        found = access.agents()
    if as_json:
        print_json(found)
        return
    table = _table("Agents", "id", "devices", "state", "enrolled", "certificate ends")
    for agent in found:
        state = "revoked" if agent.revoked else "good"
        if state == "good" and agent.expires_unix_s <= time.time():
            state = "expired"
        moments = (_moment(agent.issued_unix_s), _moment(agent.expires_unix_s))
        table.add_row(*map(Text, (agent.agent_id, ", ".join(agent.devices), state, *moments)))
    Console().print(table)


@agents_app.command("revoke")
def revoke_agent(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(metavar="ID", help="Agent's id, or a device of its.")],
    store: OwnStore = "",
    coordinator: Coordinator = DEFAULT_ADDRESS,
) -> None:
    """End an agent's certificates: it is refused from its next call on."""
    with _access(context, coordinator, store) as access:
        agent_id, count = access.revoke_agent(agent)
    Console().print(f"Agent {agent_id} is revoked ({count} certificate(s)).", markup=False)


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show the newest so many.")] = 50,
    store: OwnStore = "",
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Show who did what: enrolments, tokens, revocations, orders, imports, refusals."""
    with _access(context, coordinator, store) as access:
        found = access.audit(limit)
    if as_json:
        print_json(list(found))
        return
    table = _table("Audit log", "when", "who", "from", "what", "on", "outcome")
    for entry in found:
        cells = (entry.actor, entry.peer, entry.action, entry.subject, entry.outcome)
        table.add_row(*map(Text, (_moment(entry.at_unix_s), *cells)))
    Console().print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for name in columns:
        table.add_column(name, overflow="fold")
    return table


def _moment(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
