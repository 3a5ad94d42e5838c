"""import help | table, export."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, cast, get_args

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, Space, connect
from help_core.accuracy.table import read_accuracy_csv
from help_core.errors import BadInput, NotFound, StoreError
from help_core.records import AccuracyRow, TableOrigin, TableRow
from help_core.spaces import SearchSpace, get_gene_space, get_space
from help_core.spaces.hat import Hat
from help_core.tables.hat_import import Part, read_hat_latency
from help_core.tables.help_import import read_help_latency
from help_core.tables.latency import (
    PARQUET_SUFFIXES,
    LatencyTable,
    format_latency_csv,
    read_latency_table,
)
from help_proto.console import print_json

ROWS_PER_MESSAGE = 5000

import_app = typer.Typer(no_args_is_help=True, help="Add latency tables of other devices.")


@import_app.command("table")
def import_table(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="CSV or Parquet: architecture,<device>… in ms, empty = missing.")
    ],
    space: Space = "nasbench201",
    source: Annotated[
        str,
        typer.Option(
            help="Where the figures come from. Default: the file's name.", show_default=False
        ),
    ] = "",
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Import a latency table from a CSV or Parquet file.

    Rows that are there already are replaced, so importing twice changes nothing.
    """
    table = read_latency_table(file, get_space(space))
    _send(context, coordinator, table, source or file.name, as_json=as_json)


@import_app.command("help")
def import_help(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="HELP's data/ folder or its data/SPACE folder.")],
    space: Space = "nasbench201",
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Import the latency lists of a checkout of HELP (github.com/HayeonLee/HELP).

    Values that cannot be latencies (near zero on raspi4 and pixel3) are left out.
    """
    root = folder / space if (folder / space).is_dir() else folder
    table = read_help_latency(root, get_space(space))
    _send(context, coordinator, table, "HayeonLee/HELP", as_json=as_json)


@import_app.command("hat")
def import_hat(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="HAT's latency_dataset/ folder, or one CSV file of it.")
    ],
    space: Space = "hat",
    part: Annotated[
        str, typer.Option(help=f"Of a sentence: {', '.join(get_args(Part))}.")
    ] = "total",
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Import HAT's latency tables (github.com/mit-han-lab/hardware-aware-transformers).

    They hold averages over layers: each row becomes a network with those averages, or the
    nearest that the space has, its latency changed by what a fit to the file says of that.
    """
    hat = get_space(space)
    if not isinstance(hat, Hat):
        raise BadInput(f"HAT's tables are of transformers, not of {space}; use --space hat")
    if part not in get_args(Part):
        raise BadInput(f"--part {part[:40]!r} is unknown; use {', '.join(get_args(Part))}")
    table = read_hat_latency(path, hat, cast(Part, part))
    source = "mit-han-lab/hardware-aware-transformers"
    _send(context, coordinator, table, source, as_json=as_json)


@import_app.command("accuracy")
def import_accuracy(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="CSV: architecture,accuracy in percent.")
    ] = None,
    space: Space = "nasbench201",
    column: Annotated[str, typer.Option(help="Column of the file to use.")] = "accuracy",
    clear: Annotated[
        bool, typer.Option("--clear", help="Forget the table; what ships counts again.")
    ] = False,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Use accuracies of your own in place of those that ship.

    Architectures that the table does not name have no accuracy and are not offered.
    """
    if (file is None) != clear:
        raise BadInput("give either a FILE with accuracies or --clear")
    rows: list[AccuracyRow] = []
    if file is not None:
        table = read_accuracy_csv(file, get_gene_space(space), column)
        rows = [AccuracyRow(str(one), value) for one, value in table.items()]
    source = file.name if file is not None else ""
    with connect(context, coordinator) as client:
        count = client.import_accuracies(space, source, _accuracy_parts(rows))
    if as_json:
        print_json({"space": space, "source": source, "rows": count})
    elif count:
        Console().print(f"{count} accuracies of {space} imported; 'adapt' uses them from now on.")
    else:
        Console().print(f"'adapt' uses what ships for {space} from now on.")


def _accuracy_parts(rows: Sequence[AccuracyRow]) -> Iterator[Sequence[AccuracyRow]]:
    # At least one message, which names the space even where no row is left.
    for start in range(0, max(len(rows), 1), ROWS_PER_MESSAGE):
        yield rows[start : start + ROWS_PER_MESSAGE]


def export(
    context: typer.Context,
    space: Space = "nasbench201",
    device: Annotated[
        list[str] | None, typer.Option(help="Only this device; may be repeated.")
    ] = None,
    origin: Annotated[
        str, typer.Option(help=f"Which latencies: {', '.join(TableOrigin)}.")
    ] = TableOrigin.BOTH.value,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write, as Parquet if its name ends so. Default: standard output.",
            show_default=False,
        ),
    ] = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Write latencies as a table: the fleet's own medians, imported ones, or both."""
    if origin not in list(TableOrigin):
        raise BadInput(f"--origin {origin!r} is unknown; use {', '.join(TableOrigin)}")
    with connect(context, coordinator) as client:
        rows = list(client.export_rows(space, device or [], TableOrigin(origin)))
    if not rows:
        raise NotFound(f"there are no latencies of {space} yet; see 'help-coord collect'")
    if as_json:
        print_json(rows)
        return
    table = table_of_store(rows, get_space(space))
    if out is not None and out.suffix.lower() in PARQUET_SUFFIXES:
        from help_core.tables.parquet import write_latency_parquet

        write_latency_parquet(out, table)
        return
    text = format_latency_csv(table)
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{out}: cannot be written ({error.strerror})") from None


def _table_rows(table: LatencyTable) -> Iterator[TableRow]:
    for architecture, row in zip(table.architectures, table.latency_ms.tolist(), strict=True):
        for device, latency_ms in zip(table.devices, row, strict=True):
            if not np.isnan(latency_ms):
                yield TableRow(str(architecture), device, latency_ms)


def _parts(rows: Iterator[TableRow]) -> Iterator[Sequence[TableRow]]:
    """Messages' worth of rows, with progress on stderr as they are sent."""
    every = list(rows)
    starts = range(0, len(every), ROWS_PER_MESSAGE)
    for start in track(starts, "importing", console=Console(stderr=True), transient=True):
        yield every[start : start + ROWS_PER_MESSAGE]


def table_of_store(rows: Sequence[TableRow], space: SearchSpace) -> LatencyTable:
    """The table of single latencies, in the order of their architectures."""
    names = list(dict.fromkeys(row.architecture for row in rows))
    devices = sorted({row.device for row in rows})
    latency_ms = np.full((len(names), len(devices)), np.nan)
    row_of = {name: index for index, name in enumerate(names)}
    for row in rows:
        latency_ms[row_of[row.architecture], devices.index(row.device)] = row.latency_ms
    architectures = tuple(space.parse(name) for name in names)
    return LatencyTable(space.name, architectures, tuple(devices), latency_ms)


def _send(
    context: typer.Context, coordinator: str, table: LatencyTable, source: str, *, as_json: bool
) -> None:
    """Sends a table to the coordinator and reports how much of it was stored."""
    with connect(context, coordinator) as client:
        count = client.import_rows(table.space, source, _parts(_table_rows(table)))
    if as_json:
        print_json({"rows": count, "devices": list(table.devices)})
    else:
        Console().print(f"{count} latencies of {len(table.devices)} device(s) imported.")
