"""backup, restore: the whole store in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.cli.fleet import default_store
from coordinator.cli.options import AsJson
from help_proto.console import print_json

StoreOption = Annotated[
    str,
    typer.Option(
        envvar="HELP_STORE",
        help="The store, as in 'help-coord serve'. Default: a file in the user's data folder.",
        show_default=False,
    ),
]


def backup(
    file: Annotated[Path, typer.Argument(help="File to write; it must not exist.")],
    store: StoreOption = "",
    as_json: AsJson = False,
) -> None:
    """Write everything that a store holds to a file, also while a coordinator works on it.

    The file holds one moment of the store and is a store itself, in SQLite.
    """
    from coordinator.store.copy import back_up

    _report(back_up(store or default_store(), file), f"backed up to {file}", as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="File that 'help-coord backup' has written.")],
    store: StoreOption = "",
    as_json: AsJson = False,
) -> None:
    """Fill an empty store from a backup; any kind of store, so it also moves to PostgreSQL."""
    from coordinator.store.copy import restore as fill

    _report(fill(file, store or default_store()), f"restored from {file}", as_json=as_json)


def _report(counts: dict[str, int], what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(counts)
    else:
        rows = ", ".join(f"{count} {table}" for table, count in counts.items() if count)
        Console().print(f"{what}: {rows or 'nothing'}")
