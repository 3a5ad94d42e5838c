"""``help-coord``: the fleet's coordinator and its users' commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from coordinator.cli import access, answers, backup, collections, fleet, models, tables
from coordinator.cli.deploy import deploy_app
from coordinator.cli.lazy import Lazy, lazy_group
from coordinator.cli.options import Given
from coordinator.cli.quickstart import quickstart
from help_core import __version__
from help_proto.console import EXIT_CODES_HELP, run_cli

APPEARANCE: dict[str, Any] = {
    "pretty_exceptions_enable": False,
    "add_completion": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}

SCIENCE = {
    "evaluate": Lazy(
        "coordinator.cli.science",
        "evaluate_command",
        "Score predictors on devices of a latency table that they were not trained on.",
    ),
    "meta-train": Lazy(
        "coordinator.cli.meta_train",
        "meta_train_command",
        "Train a predictor on latency tables, on the fleet's own measurements, or on both.",
    ),
    "describe": Lazy(
        "coordinator.cli.describe",
        "describe",
        "Show parameters, multiply-adds, accuracy and latency of one architecture.",
    ),
    "validate": Lazy(
        "coordinator.cli.validate",
        "validate_command",
        "Measure the accuracy of an OFA subnet with the supernet's weights over ImageNet.",
    ),
    "report": Lazy(
        "coordinator.cli.report",
        "report",
        "Write an answer as a folder to keep: page, architectures, ONNX, provenance.",
    ),
}
"""Commands that need torch, scipy or pillow at once; others must not wait for their import."""

app = typer.Typer(
    name="help-coord",
    cls=lazy_group(SCIENCE, APPEARANCE),
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
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option(envvar="HELP_CA", help="Certificate of the coordinator's authority, in PEM."),
    ] = None,
    token: Annotated[
        str,
        typer.Option(
            envvar="HELP_TOKEN",
            help="Token for a coordinator with TLS; others on this machine can see a flag, so"
            " rather set the variable, or use 'help-coord login'.",
            show_default=False,
        ),
    ] = "",
) -> None:
    context.obj = Given(ca, token)


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
    access.login,
    access.audit,
    backup.backup,
    backup.restore,
):
    app.command()(command)
app.add_typer(tables.import_app, name="import")
app.add_typer(access.token_app, name="token")
app.add_typer(access.agents_app, name="agents")
app.add_typer(access.tls_app, name="tls")
app.add_typer(models.models_app, name="models")
app.add_typer(deploy_app, name="deploy")


def main() -> None:
    """Entry point of ``help-coord``."""
    run_cli(app, "help-coord")


if __name__ == "__main__":
    main()
