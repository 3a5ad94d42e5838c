"""tls init, show and rotate: the authority of a coordinator, in its folder."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from coordinator.cli.fleet import default_tls_dir
from coordinator.cli.options import AsJson
from help_core.errors import BadInput
from help_proto.console import print_json

if TYPE_CHECKING:
    from coordinator.security.authority import Authority

DAY_S = 86_400.0
TlsDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the authority. Default: in the user's data folder."),
]

tls_app = typer.Typer(no_args_is_help=True, help="The authority of a coordinator with TLS.")


@tls_app.command("init")
def init_tls(
    host: Annotated[
        list[str], typer.Option(help="Name or IP address clients reach it by; may be repeated.")
    ],
    tls_dir: TlsDir = None,
) -> None:
    """Make an authority and the server's certificate; again, to change the names.

    An authority that is there already is kept, so enrolled agents stay enrolled.
    """
    from coordinator.security.authority import create_authority

    folder = tls_dir or default_tls_dir()
    _show(folder, create_authority(folder, host, time.time()))


@tls_app.command("show")
def show_tls(tls_dir: TlsDir = None, as_json: AsJson = False) -> None:
    """Show the fingerprint that agents and users compare, and the names of the server."""
    from coordinator.security.authority import open_authority

    folder = tls_dir or default_tls_dir()
    authority = open_authority(folder)
    if as_json:
        print_json(_facts(folder, authority))
    else:
        _show(folder, authority)


@tls_app.command("rotate")
def rotate_tls(
    days: Annotated[
        float, typer.Option(help="Days that the authority in force stays trusted beside the next.")
    ] = 30.0,
    finish: Annotated[
        bool, typer.Option("--finish", help="Put the next authority in force now.")
    ] = False,
    tls_dir: TlsDir = None,
    as_json: AsJson = False,
) -> None:
    """Replace the authority, without enrolling the fleet again.

    Makes the next authority. Until the day that --days names both are trusted: agents get a
    certificate of the next within an hour, users learn of it with their first command of a day.
    Then the next is in force and the other is dropped, as with --finish at once: who has not
    called by then enrols or logs in again. A coordinator that runs on the folder follows.
    """
    from coordinator.security.authority import open_authority
    from coordinator.security.issuers import begin_rotation, finish_rotation

    if not 0 < days <= 3650:
        raise BadInput(f"--days {days:g}: an authority can stay trusted for up to 3650 days")
    folder = tls_dir or default_tls_dir()
    now_s = time.time()
    if finish:
        finish_rotation(folder)
        open_authority(folder).server_pair(now_s)
    else:
        begin_rotation(folder, now_s, now_s + days * DAY_S)
    show_tls(folder, as_json)


def _facts(folder: Path, authority: Authority) -> dict[str, Any]:
    from coordinator.security.certificates import certificate_pem, hosts_of
    from help_proto.trust import fingerprint

    coming, until_s = authority.issuers.coming, authority.issuers.until_unix_s
    return {
        "folder": str(folder),
        "ca_fingerprint": authority.fingerprint,
        "next_ca_fingerprint": (
            fingerprint(certificate_pem(coming.certificate)) if coming is not None else None
        ),
        "next_from_unix_s": until_s,
        "hosts": hosts_of(authority.server_certificate()),
    }


def _show(folder: Path, authority: Authority) -> None:
    facts = _facts(folder, authority)
    lines = [
        f"authority: {folder / 'ca.pem'} (keep {folder} private, and back it up)",
        f"fingerprint: {facts['ca_fingerprint']}",
    ]
    if facts["next_ca_fingerprint"]:
        day = datetime.fromtimestamp(facts["next_from_unix_s"], UTC)
        lines.append(f"from {day:%Y-%m-%d %H:%M} UTC: {facts['next_ca_fingerprint']}")
    lines.append(f"server is: {', '.join(facts['hosts'])}")
    Console().print(Text("\n".join(lines)), soft_wrap=True, highlight=False)
