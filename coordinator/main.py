"""``help-coord``: the fleet's coordinator and its users' commands."""

from __future__ import annotations

from typing import Annotated

import typer
from help_proto.console import EXIT_CODES_HELP, run_cli

from coordinator.cli import answers, backup, collections, fleet, tables
from coordinator.cli.quickstart import quickstart
from help_core import __version__

app = typer.Typer(
    name="help-coord",
    help="Finds the most accurate networks that meet a latency limit on a real device.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"help-coord {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


for command in (
    quickstart,
    fleet.serve,
    fleet.devices,
    fleet.jobs,
    answers.adapt,
    answers.predict,
    answers.search,
    fleet.collect,
    collections.collections,
    collections.cancel,
    collections.label,
    tables.export,
    backup.backup,
    backup.restore,
):
    app.command()(command)
app.add_typer(tables.import_app, name="import")


def main() -> None:
    """Entry point of ``help-coord``."""
    run_cli(app, "help-coord")


if __name__ == "__main__":
    main()
