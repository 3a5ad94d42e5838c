"""models add | list | remove."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, connect
from coordinator.client import Client
from coordinator.model_calls import describe_model
from help_core.errors import BadInput, NotFound
from help_core.records import StoredModel
from help_core.spaces.own import Limits, OwnModels
from help_core.spaces.own.axes import parse_sizes
from help_core.spaces.own.limits import STANDARD_DOMAINS
from help_proto.console import print_json

ALL = "all"
"""Stands for every model in ``collect --models``, so no model may have this name."""

models_app = typer.Typer(no_args_is_help=True, help="Measure ONNX models of your own.")


@models_app.command("add")
def add_models(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="FOLDER|FILE…", help="ONNX files, or folders of them.")
    ],
    axis: Annotated[
        list[str] | None,
        typer.Option(help="Size of a dynamic axis, NAME=SIZE; may be repeated."),
    ] = None,
    allow_domain: Annotated[
        list[str] | None,
        typer.Option(help="Domain of custom operators to accept; may be repeated."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a name that is taken mean the new file.")
    ] = False,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Check ONNX files and give them to the coordinator, for its agents to measure.

    NAME.onnx becomes the architecture own:NAME@HASH. Sizes of dynamic axes come from --axis and
    from NAME.toml beside the file ([axes], then lines such as seq = 128); a free batch axis takes
    the batch size of each device. Adding a file again changes nothing, and after a broken
    connection the same command goes on where it was.
    """
    limits = Limits(domains=STANDARD_DOMAINS | set(allow_domain or ()))
    space = OwnModels(_files(paths), sizes=parse_sizes(axis or ()), limits=limits)
    for name in space.names:
        _check_name(space, name)
    added = []
    console = Console(stderr=True)
    with connect(context, coordinator) as client:
        for name in space.names:
            data, facts = space.pack(space.parse(name)), space.facts(space.parse(name))
            model = describe_model(name, data, facts.parameters, facts.multiply_adds)
            with console.status(f"sending {name}, {len(data) / 1e6:.3g} MB …"):
                sent = client.models.add(model, data, replace=replace)
            added.append((model, sent))
    if as_json:
        print_json([{**_plain(model), "sent": sent} for model, sent in added])
        return
    Console().print(_table([model for model, _ in added]))
    kept = sum(not sent for _, sent in added)
    Console().print(
        f"{len(added) - kept} added, {kept} there already."
        " Measure them with 'help-coord collect --models all --device NAME'."
    )


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.onnx")) if path.is_dir() else [path]
        if not found:
            raise BadInput(f"{path}: holds no .onnx files")
        files += found
    return files


def _check_name(space: OwnModels, name: str) -> None:
    """Checks a file with its name before the first is sent."""
    if name == ALL:
        raise BadInput(f"a model cannot be named {ALL!r}, which means every model; rename the file")
    facts = space.facts(space.parse(name))
    StoredModel(name, facts.sha256, 1, facts.parameters, facts.multiply_adds)


@models_app.command("list")
def list_models(
    context: typer.Context, coordinator: Coordinator = DEFAULT_ADDRESS, as_json: AsJson = False
) -> None:
    """List the models that the coordinator keeps."""
    with connect(context, coordinator) as client:
        models = client.models.list()
    if as_json:
        print_json([_plain(model) for model in models])
    elif models:
        Console().print(_table(models))
    else:
        Console().print("There are no models yet; add some with 'help-coord models add FILE.onnx'.")


@models_app.command("remove")
def remove_models(
    context: typer.Context,
    name: Annotated[list[str], typer.Argument(help="Names of models.")],
    coordinator: Coordinator = DEFAULT_ADDRESS,
) -> None:
    """Forget models. What was measured of them is kept."""
    with connect(context, coordinator) as client:
        for each in name:
            client.models.remove(each)


def chosen_models(client: Client, names: Sequence[str]) -> list[str]:
    """The architectures of models by name, or of all; raises ``NotFound``."""
    if not names:
        return []
    known = {model.name: model.architecture for model in client.models.list()}
    if ALL in names:
        if not known:
            raise NotFound("--models all: there are none; add some with 'help-coord models add'")
        return list(known.values())
    for name in names:
        if name not in known:
            raise NotFound(
                f"--models {name[:80]!r} is unknown; known: {', '.join(list(known)[:20]) or 'none'}"
            )
    return [known[name] for name in names]


def _plain(model: StoredModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "architecture": model.architecture,
        "sha256": model.sha256,
        "size_bytes": model.size_bytes,
        "parameters": model.parameters,
        "multiply_adds": model.multiply_adds,
    }


def _table(models: Sequence[StoredModel]) -> Table:
    table = Table(title="Models")
    table.add_column("architecture", overflow="fold")
    for header in ("MB", "params\nM", "MACs\nM"):
        table.add_column(header, justify="right")
    for model in models:
        work = "-" if model.multiply_adds is None else f"{model.multiply_adds / 1e6:.4g}"
        table.add_row(
            model.architecture,
            f"{model.size_bytes / 1e6:.4g}",
            f"{model.parameters / 1e6:.4g}",
            work,
        )
    return table
