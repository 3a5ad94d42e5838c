"""collections, cancel, label."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, connect
from coordinator.parse import parse_label_changes
from help_core.errors import BadInput
from help_core.records import CollectionStatus
from help_proto.console import print_json


def collections(
    context: typer.Context, coordinator: Coordinator = DEFAULT_ADDRESS, as_json: AsJson = False
) -> None:
    """List collections, the newest first."""
    with connect(context, coordinator) as client:
        found = client.collections()
    if as_json:
        print_json(found)
        return
    if not found:
        Console().print(
            "There is no collection yet; 'help-coord collect --device NAME --sample 100' makes one."
        )
        return
    table = Table(title=f"{len(found)} collections")
    for name in ("name", "state", "priority", "queued", "leased", "done", "failed", "cancelled"):
        table.add_column(name, overflow="fold")
    for one in found:
        counts = (one.priority, one.queued, one.leased, one.done, one.failed, one.cancelled)
        table.add_row(one.name, _state(one), *map(str, counts))
    Console().print(table)


def _state(one: CollectionStatus) -> str:
    if one.ended:
        return f"ended: {one.ended}"
    if not one.open:
        return "complete"
    if one.deadline_unix_s is None:
        return "open"
    return time.strftime("open until %Y-%m-%d %H:%M", time.localtime(one.deadline_unix_s))


def cancel(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(help="Collection to end.")] = "",
    job: Annotated[list[int] | None, typer.Option(help="Job to cancel; may be repeated.")] = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Cancel the measurements of a collection, or single ones, that no agent has begun.

    'help-coord collect --name NAME --resume' takes a collection up again.
    """
    if bool(collection) == bool(job):
        raise BadInput("name a collection, or jobs with --job")
    with connect(context, coordinator) as client:
        count = client.cancel(collection, job or ())
    if as_json:
        print_json({"cancelled": count})
    else:
        Console().print(f"{count} job(s) cancelled; what an agent has begun is finished.")


def label(
    context: typer.Context,
    device: Annotated[str, typer.Argument(help="Device to label.")],
    labels: Annotated[
        list[str] | None, typer.Argument(help="KEY=VALUE sets a label, KEY- removes it.")
    ] = None,
    note: Annotated[
        str | None, typer.Option(help="A line about the device; empty removes it.")
    ] = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
) -> None:
    """Label a device, or note something about it.

    'help-coord collect --label KEY=VALUE' measures on all devices that have a label.
    """
    changes = parse_label_changes(labels)
    if not changes and note is None:
        raise BadInput("give KEY=VALUE, KEY- or --note")
    with connect(context, coordinator) as client:
        client.label(device, changes, note)
