"""``help-coord``: the fleet's coordinator and its users' commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from coordinator.cli import access, answers, backup, collections, fleet, models, plot, tables, tls
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

BEGIN, ASK, MEASURE = "First steps", "Ask", "Measure"
DATA, FLEET, RESEARCH = "Data", "Fleet and access", "Research"

SCIENCE = {
    "evaluate": Lazy(
        "coordinator.cli.science",
        "evaluate_command",
        "Score predictors on devices of a latency table that they were not trained on.",
        RESEARCH,
    ),
    "meta-train": Lazy(
        "coordinator.cli.meta_train",
        "meta_train_command",
        "Train a predictor on latency tables, on the fleet's own measurements, or on both.",
        RESEARCH,
    ),
    "describe": Lazy(
        "coordinator.cli.describe",
        "describe",
        "Show parameters, multiply-adds, accuracy and latency of one architecture.",
        ASK,
    ),
    "validate": Lazy(
        "coordinator.cli.validate",
        "validate_command",
        "Measure the accuracy of an OFA subnet with the supernet's weights over ImageNet.",
        RESEARCH,
    ),
    "report": Lazy(
        "coordinator.cli.report",
        "report",
        "Write an answer as a folder to keep: page, architectures, ONNX, provenance.",
        ASK,
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


COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    BEGIN: (quickstart, fleet.serve, fleet.devices, answers.adapt),
    ASK: (answers.search, answers.predict),
    MEASURE: (fleet.collect, collections.collections, collections.cancel, fleet.jobs),
    DATA: (tables.export, backup.backup, backup.restore),
    FLEET: (collections.label, access.login, access.audit),
}
"""Commands by the panel of help that lists them, in its order."""

GROUPS = {
    ASK: {"plot": plot.plot_app},
    DATA: {"import": tables.import_app, "models": models.models_app},
    FLEET: {
        "deploy": deploy_app,
        "token": access.token_app,
        "agents": access.agents_app,
        "tls": tls.tls_app,
    },
}

for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
for panel, groups in GROUPS.items():
    for name, group in groups.items():
        app.add_typer(group, name=name, rich_help_panel=panel)


def main() -> None:
    """Entry point of ``help-coord``."""
    run_cli(app, "help-coord")


if __name__ == "__main__":
    main()
