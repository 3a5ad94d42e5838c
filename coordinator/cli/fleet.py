"""serve, devices, jobs, collect."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Annotated

import numpy as np
import platformdirs
import typer
from help_proto.console import log_to_stderr, print_json
from rich.console import Console
from rich.table import Table

from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, LogFormat
from coordinator.cli.parse import parse_duration, parse_labels
from coordinator.cli.progress import watch
from coordinator.client import Client
from help_core.errors import BadInput, MeasurementFailed
from help_core.records import CollectionOrder, DeviceStatus, JobState
from help_core.spaces import get_gene_space
from help_core.spaces.base import sample_genes


def default_store() -> str:
    """The SQLite file that is used when nothing is said."""
    return str(Path(platformdirs.user_data_dir("help-fleet")) / "coordinator.db")


def serve(
    listen: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help="Address to listen on; port 0 takes a free one."),
    ] = DEFAULT_ADDRESS,
    store: Annotated[
        str,
        typer.Option(
            envvar="HELP_STORE",
            help="Path of an SQLite file, or a database URL."
            " [default: a file in the user's data folder]",
            show_default=False,
        ),
    ] = "",
    metrics: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Also answer /metrics, /healthz and /readyz over HTTP there. [default: nowhere]",
            show_default=False,
        ),
    ] = "",
    lease_s: Annotated[
        float, typer.Option(min=0.5, help="An agent that is silent for so long loses its jobs.")
    ] = 60.0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")] = False,
    log_format: LogFormat = "text",
) -> None:
    """Run the coordinator until Ctrl-C.

    It keeps every measurement in its store; start it again on the same store and it goes on.
    """
    from coordinator.server import check_listen
    from coordinator.server import serve as serve_forever

    log_to_stderr(verbose=not quiet, form=log_format)
    asyncio.run(serve_forever(check_listen(listen), store or default_store(), metrics, lease_s))


def devices(
    release: Annotated[
        str, typer.Option(metavar="DEVICE", help="First end the quarantine of this device.")
    ] = "",
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """List the devices of the fleet and what is known of each.

    A device whose board failed several times in a row is in quarantine: it is given a single
    job now and then, and all work again once one succeeds, or by --release.
    """
    with Client(coordinator) as client:
        if release and not client.end_quarantine(release):
            Console(stderr=True).print(f"{release} was not in quarantine.")
        statuses = client.devices()
    if as_json:
        print_json(statuses)
        return
    if not statuses:
        Console().print("No device has registered yet. On the device, run: help-agent run")
        return
    table = Table(title="Devices")
    for name in ("device", "board", "settings", "state"):
        table.add_column(name, overflow="fold")
    table.add_column("jobs", justify="right")
    table.add_column("measurements", justify="right")
    for status in statuses:
        table.add_row(*_device_cells(status))
    Console().print(table)


def _device_cells(status: DeviceStatus) -> tuple[str, ...]:
    device, settings = status.device, status.device.settings
    board = (device.board.kind, device.board.model or device.board.processor)
    jobs = [f"{status.queued_jobs} queued", f"{status.leased_jobs} leased"]
    if status.failed_jobs:
        jobs.append(f"{status.failed_jobs} failed")
    measurements = f"{status.valid_measurements} valid"
    if status.suspect_measurements:
        measurements += f"\n{status.suspect_measurements} suspect"
    return (
        device.name,
        " ".join(filter(None, board)),
        f"{settings.runtime} {settings.provider.removesuffix('ExecutionProvider')}\n"
        f"{settings.threads} thread(s), batch {settings.batch_size}, {settings.precision}",
        _state(status),
        "\n".join(jobs),
        measurements,
    )


def _state(status: DeviceStatus) -> str:
    lines = ["online" if status.device.online else "offline"]
    if status.quarantined:
        lines.append(f"quarantined after {status.failures_in_row} failures")
    lines += [f"{name}={value}" for name, value in sorted(status.labels.items())]
    return "\n".join([*lines, *filter(None, [status.note])])


def jobs(
    device: Annotated[str, typer.Option(help="Only jobs of this device.")] = "",
    state: Annotated[
        list[str] | None, typer.Option(help=f"Only jobs in this state: {', '.join(JobState)}.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Show the newest so many.")] = 50,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """List measurements to make, being made, and made: the newest first."""
    states = []
    for name in state or []:
        if name not in list(JobState):
            raise BadInput(f"--state {name!r} is unknown; use {', '.join(JobState)}")
        states.append(JobState(name))
    with Client(coordinator) as client:
        found, total = client.jobs(device, states, limit)
    if as_json:
        print_json({"total": total, "jobs": found})
        return
    table = Table(title=f"{len(found)} of {total} jobs")
    for name in ("id", "device", "state", "purpose", "attempts", "architecture", "last failure"):
        table.add_column(name, overflow="fold")
    for job in found:
        table.add_row(
            str(job.id),
            job.device,
            job.state,
            job.purpose,
            str(job.attempts),
            job.architecture,
            job.error,
        )
    Console().print(table)


def collect(
    device: Annotated[
        list[str] | None, typer.Option(help="Device to measure on; may be repeated.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="Also all devices with this label (and the others)."
        ),
    ] = None,
    architecture: Annotated[
        list[str] | None, typer.Option(help="Canonical string; may be repeated.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--from", help="File with one canonical string a line.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Also draw so many architectures of --space.")
    ] = 0,
    space: Annotated[
        str, typer.Option(help="Search space that --sample draws from.")
    ] = "nasbench201",
    seed: Annotated[int, typer.Option(help="Seed of --sample.")] = 0,
    name: Annotated[str, typer.Option(help="Name of the collection. [default: made]")] = "",
    priority: Annotated[int, typer.Option(help="Above 0: before others; below: after them.")] = 0,
    deadline: Annotated[
        str, typer.Option(metavar="2h", help="Cancel what is not begun by then: s, m, h or d.")
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="Queue again what failed or was cancelled of --name.")
    ] = False,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Measure architectures on devices and keep the results.

    What is measured already is left alone. Ctrl-C stops watching; the collection goes on, and
    the same command watches it again. 'help-coord cancel NAME' ends it.
    """
    if resume and not name:
        raise BadInput("--resume needs --name, the collection to go on with")
    names = [*(architecture or []), *_lines(file), *_sampled(space, sample, seed)]
    order = CollectionOrder(
        name or f"collection-{uuid.uuid4().hex[:8]}", priority, parse_duration(deadline)
    )
    with Client(coordinator) as client:
        events = client.collect(order, device or [], names, parse_labels(label), resume=resume)
        failed = watch(events)
    if as_json:
        counts = {"architectures": len(set(names)), "devices": len(set(device or ()))}
        print_json({"collection": order.name, **counts, "failed": failed})
    elif failed:
        raise MeasurementFailed(
            f"{failed} job(s) of {order.name} failed; see 'help-coord jobs --state failed',"
            f" and try again with 'help-coord collect --name {order.name} --resume'"
        )
    else:
        Console().print(f"{order.name}: done. 'help-coord export' writes latencies as a table.")


def _lines(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--from {path}: cannot be read ({error})") from None


def _sampled(space: str, count: int, seed: int) -> list[str]:
    if count == 0:
        return []
    found = get_gene_space(space)
    genes = sample_genes(found, count, np.random.default_rng(seed))
    return [str(architecture) for architecture in found.from_genes(genes)]
