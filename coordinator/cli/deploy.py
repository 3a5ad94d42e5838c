"""deploy, and deploy status, logs, upgrade, remove."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from coordinator.cli.board_options import Boards, takes_boards
from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, connect
from coordinator.deploying import FleetRegistrar
from help_core.errors import BadInput, DeployFailed
from help_proto.console import print_json
from help_proto.trust import is_loopback

if TYPE_CHECKING:
    from deploy.inventory import Target
    from deploy.outcome import Outcome

STYLES = {"failed": "red", "rolled back": "red", "unchanged": "dim", "stopped": "yellow"}


class _InstallByDefault(TyperGroup):
    """``deploy pi@host`` and ``deploy --inventory F`` mean ``deploy install …``."""

    default = "install"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See the class."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [self.default, *args]
        return super().parse_args(ctx, args)


deploy_app = typer.Typer(
    cls=_InstallByDefault,
    no_args_is_help=True,
    help="Put agents on boards over ssh: 'deploy USER@HOST --device NAME', or 'deploy --inventory"
    " FILE' with further NAMEs for some of its boards. See docs/deploy.md.",
)

Wheel = Annotated[
    Path | None, typer.Option(help="Wheel of help-fleet. Default: built of this checkout.")
]
Dependencies = Annotated[
    str,
    typer.Option(
        help="board: pip on the board fetches them; here: they are downloaded for the board's"
        " platform and uploaded; auto: board, and here if that fails."
    ),
]
BoardCoordinator = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT",
        help="The coordinator's address as boards see it. Default: that of --coordinator.",
        show_default=False,
    ),
]
ReportTimeout = Annotated[
    float, typer.Option(min=1.0, help="Seconds within which a started agent has to report.")
]


@deploy_app.command("install")
@takes_boards
def install(
    context: typer.Context,
    boards: Boards,
    wheel: Wheel = None,
    dependencies: Dependencies = "auto",
    board_coordinator: BoardCoordinator = "",
    report_timeout_s: ReportTimeout = 90.0,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Put agents on boards: install, enrol, start, and see them report. The default.

    Running it again changes nothing. A new version that does not report is rolled back.
    """
    _require_paramiko()
    from deploy.install import DEPENDENCIES, Order
    from deploy.install import install as install_one
    from deploy.wheels import WheelHouse, default_wheel_house, find_release

    if dependencies not in DEPENDENCIES:
        raise BadInput(f"--dependencies {dependencies!r} is unknown; use {', '.join(DEPENDENCIES)}")
    targets = boards.targets()
    address = board_coordinator or coordinator
    _check_reachable(targets, address)
    with connect(context, coordinator) as client, tempfile.TemporaryDirectory() as folder:
        order = Order(
            release=find_release(wheel, Path(folder)),
            registrar=FleetRegistrar(client, address),
            wheels=WheelHouse(default_wheel_house()),
            dependencies=dependencies,
            report_timeout_s=report_timeout_s,
            only_upgrade=context.info_name == "upgrade",
        )
        outcomes = _on_each(
            targets, lambda target: install_one(target, order, _teller(target)), boards.parallel
        )
    _show(outcomes, as_json)


# The same command but for boards that nothing was deployed to, which it refuses.
deploy_app.command(
    "upgrade", help="As install, but only where an agent was deployed before; rolls back too."
)(install)


@deploy_app.command("status")
@takes_boards
def status(
    context: typer.Context,
    boards: Boards,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Show which release runs on each board, and whether the coordinator hears it."""
    _require_paramiko()
    from deploy.outcome import Result
    from deploy.upkeep import status as status_of

    targets = boards.targets()
    with connect(context, coordinator) as client:
        registrar = FleetRegistrar(client, coordinator)
        outcomes = _on_each(targets, status_of, boards.parallel)
        known = {target.device: registrar.device(target.device) for target in targets}
    heard = {name: bool(one and (one.online or one.away)) for name, one in known.items()}
    if as_json:
        print_json([asdict(one) | {"online": heard[one.device]} for one in outcomes])
    else:
        here = (Result.RUNNING, Result.STOPPED)
        words = ["online" if heard[one.device] else "offline" for one in outcomes]
        _print_table(
            outcomes, [w if o.result in here else "" for w, o in zip(words, outcomes, strict=True)]
        )
    _fail_if_any(outcomes)


@deploy_app.command("logs")
@takes_boards
def logs(
    boards: Boards,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Newest lines of each.")] = 40,
    as_json: AsJson = False,
) -> None:
    """Print the newest lines of the agents' logs."""
    _require_paramiko()
    from deploy.upkeep import logs as logs_of

    outcomes = _on_each(boards.targets(), lambda target: logs_of(target, lines), boards.parallel)
    if as_json:
        print_json(outcomes)
    for one in () if as_json else outcomes:
        for line in one.log.splitlines():
            plain = "".join(c if c.isprintable() else " " for c in line)
            typer.echo(f"{one.board}: {plain}" if len(outcomes) > 1 else plain)
    _fail_if_any(outcomes)


@deploy_app.command("remove")
@takes_boards
def remove(
    context: typer.Context,
    boards: Boards,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Stop and delete the agents, and end their certificates; measurements are kept."""
    _require_paramiko()
    from deploy.upkeep import remove as remove_one

    targets = boards.targets()
    with connect(context, coordinator) as client:
        registrar = FleetRegistrar(client, coordinator)
        outcomes = _on_each(targets, lambda target: remove_one(target, registrar), boards.parallel)
    _show(outcomes, as_json)


def _require_paramiko() -> None:
    """Raises ``BadInput`` where the extra is not installed."""
    try:
        import paramiko  # noqa: F401
    except ModuleNotFoundError:
        raise BadInput(
            "deploying needs paramiko, which is not installed; run:"
            " pip install 'help-fleet[deploy]'"
        ) from None


def _check_reachable(targets: Sequence[Target], address: str) -> None:
    """Raises ``BadInput`` if a board would take the coordinator's address for its own."""
    away = [one for one in targets if not _is_here(one)]
    if is_loopback(address) and away:
        raise BadInput(
            f"{away[0].login} cannot reach the coordinator as {address}; name an address that"
            " boards see with --board-coordinator"
        )


def _is_here(target: Target) -> bool:
    return not target.jump and is_loopback(f"{target.login.host}:{target.login.port}")


def _teller(target: Target) -> Callable[[str], None]:
    def tell(what: str) -> None:
        line = Text(f"{target.name}: {what}")
        Console(stderr=True).print(line, soft_wrap=True, highlight=False)

    return tell


def _on_each(
    targets: Sequence[Target], work: Callable[[Target], Outcome], parallel: int
) -> list[Outcome]:
    from deploy.fleet import on_each

    return on_each(targets, work, parallel)


def _show(outcomes: Sequence[Outcome], as_json: bool) -> None:
    if as_json:
        print_json(list(outcomes))
    else:
        _print_table(outcomes, [])
    _fail_if_any(outcomes)


def _print_table(outcomes: Sequence[Outcome], heard: Sequence[str]) -> None:
    table = Table(title="Boards")
    columns = ("board", "device", "host", "result", "release", "service")
    for name in (*columns, *(["coordinator"] if heard else []), "time", "note"):
        table.add_column(name, overflow="fold")
    for index, one in enumerate(outcomes):
        result = Text(one.result, style=STYLES.get(one.result, ""))
        said = [Text(heard[index])] if heard else []
        cells = [Text(one.board), Text(one.device), Text(one.host), result, Text(one.release)]
        table.add_row(
            *cells, Text(one.service), *said, Text(f"{one.elapsed_s:.0f} s"), Text(one.note)
        )
    Console().print(table)


def _fail_if_any(outcomes: Sequence[Outcome]) -> None:
    """Raises ``DeployFailed`` if a board is not as it was asked to be."""
    failed = [one for one in outcomes if one.failed]
    if len(failed) == 1 == len(outcomes):
        raise DeployFailed(f"{failed[0].board}: {failed[0].result}: {failed[0].note}")
    if failed:
        names = ", ".join(one.board for one in failed)
        raise DeployFailed(f"{len(failed)} of {len(outcomes)} boards failed: {names}")
