"""Options that say which boards are meant and how they are reached: the same for each verb."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coordinator.cli.grouped import takes
from help_core.errors import BadInput

if TYPE_CHECKING:
    from deploy.inventory import Target

FIRST = ("boards", "inventory")


@dataclass(frozen=True, slots=True)
class Boards:
    """What was said on the command line; ``None`` is what was not."""

    boards: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[USER@HOST | NAME…]",
            help="One board by its address, or boards of the inventory. Default: all of it.",
            show_default=False,
        ),
    ] = None
    inventory: Annotated[
        Path | None, typer.Option(help="TOML file of boards; see deploy/inventory.toml.")
    ] = None
    device: Annotated[
        str | None, typer.Option(help="With USER@HOST: name of the device, as for help-agent run.")
    ] = None
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of ssh. Default: 22.")
    ] = None
    identity: Annotated[
        str | None, typer.Option(help="Private key. Default: ssh-agent's, then those in ~/.ssh.")
    ] = None
    known_hosts: Annotated[
        str | None,
        typer.Option(help="File of host keys. Default: ~/.ssh/known_hosts, then the system's."),
    ] = None
    jump: Annotated[
        list[str] | None,
        typer.Option(metavar="USER@HOST", help="Host to go through; repeated, the nearest first."),
    ] = None
    python: Annotated[
        str | None, typer.Option(help="Python on the board. Default: the first from 3.11 on.")
    ] = None
    service: Annotated[
        str | None,
        typer.Option(
            help="What keeps it running: system (systemd), user (systemd --user) or process (a"
            " supervising script, not back after a reboot). Default: the first that works there."
        ),
    ] = None
    directory: Annotated[
        str | None,
        typer.Option(
            help="Folder on the board. Default: /opt/help-fleet with service system,"
            " else ~/.local/share/help-fleet."
        ),
    ] = None
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of one inference. Default: 1.")
    ] = None
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images (or sentences) per inference. Default: 1.")
    ] = None
    agent_argument: Annotated[
        list[str] | None,
        typer.Option(help="Further argument of 'help-agent run'; may be repeated."),
    ] = None
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Boards at the same time.")] = 8

    def targets(self) -> list[Target]:
        """The boards that were meant; raises ``BadInput`` and ``NotFound``."""
        from deploy.inventory import choose, read_inventory

        own = {name: value for name, value in self._said().items() if value}
        if self.inventory is None:
            return [self._single(own)]
        if own:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in own)
            raise BadInput(f"{flags} with --inventory: write it into {self.inventory} instead")
        return choose(self.inventory, read_inventory(self.inventory), self.boards or ())

    def _said(self) -> dict[str, Any]:
        names = [one.name for one in fields(self) if one.name not in (*FIRST, "parallel")]
        return {name: getattr(self, name) for name in names}

    def _single(self, own: dict[str, Any]) -> Target:
        from deploy.inventory import Target, parse_login

        if len(self.boards or ()) != 1:
            raise BadInput("name one board as USER@HOST, or several with --inventory FILE")
        if "device" not in own:
            raise BadInput("--device is missing: the name of the device, for example raspi4")
        login = parse_login((self.boards or [""])[0])
        own["login"] = replace(login, port=own.pop("port", login.port))
        own["jump"] = tuple(map(parse_login, own.get("jump", ())))
        own["arguments"] = tuple(own.pop("agent_argument", ()))
        for key in ("identity", "known_hosts"):
            if key in own:
                own[key] = str(Path(own[key]).expanduser())
        return Target(name=own["device"], **own)


takes_boards = takes("boards", Boards)
"""A command whose parameter ``boards: Boards`` is typed as the options above."""
