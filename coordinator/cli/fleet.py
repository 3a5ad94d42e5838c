"""serve, devices, jobs, collect."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Annotated

import numpy as np
import platformdirs
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from coordinator.cli.models import chosen_models
from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, LogFormat, connect
from coordinator.cli.progress import watch
from coordinator.parse import parse_duration, parse_labels
from help_core.errors import BadInput, MeasurementFailed
from help_core.records import CollectionOrder, DeviceStatus, JobState
from help_core.spaces import get_gene_space, get_space
from help_core.spaces.base import sample_genes
from help_core.spaces.hat import Hat
from help_proto.console import log_to_stderr, print_json

DEFAULT_MODELS_QUOTA_MB = 8000


def default_store() -> str:
    """The SQLite file that is used when nothing is said."""
    return str(Path(platformdirs.user_data_dir("help-fleet")) / "coordinator.db")


def default_tls_dir() -> Path:
    """The authority's folder when nothing is said."""
    return Path(platformdirs.user_data_dir("help-fleet")) / "tls"


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
            " Default: a file in the user's data folder.",
            show_default=False,
        ),
    ] = "",
    tls: Annotated[
        bool, typer.Option("--tls", help="Speak TLS; needed beyond loopback. See docs/security.md.")
    ] = False,
    tls_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of 'help-coord tls init'; implies --tls.", show_default=False),
    ] = None,
    listen_agents: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="With TLS: address for agents. Default: the port above --listen.",
            show_default=False,
        ),
    ] = "",
    reflection: Annotated[
        bool, typer.Option("--reflection", help="Let clients list the services' methods.")
    ] = False,
    models_quota_mb: Annotated[
        int, typer.Option(min=0, help="Most room for models of users, in MB.")
    ] = DEFAULT_MODELS_QUOTA_MB,
    predictors: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Artefacts of 'help-coord meta-train', named PREDICTOR-SPACE.safetensors: used"
            " in place of those that ship.",
        ),
    ] = None,
    metrics: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Also answer /metrics, /healthz and /readyz over HTTP there. Default: nowhere.",
            show_default=False,
        ),
    ] = "",
    http: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Also serve pages and read-only JSON there, for example 127.0.0.1:8080; with"
            " --tls over HTTPS. See docs/web.md. Default: nowhere.",
            show_default=False,
        ),
    ] = "",
    lease_s: Annotated[
        float, typer.Option(min=0.5, help="An agent that is silent for so long loses its jobs.")
    ] = 60.0,
    audit_days: Annotated[
        int, typer.Option(min=0, help="Days that the audit log reaches back; 0: all.")
    ] = 400,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")] = False,
    log_format: LogFormat = "text",
) -> None:
    """Run the coordinator until Ctrl-C.

    It keeps every measurement in its store; start it again on the same store and it goes on.
    """
    from coordinator.security.authority import open_authority
    from coordinator.security.listeners import agents_address, check_listen
    from coordinator.server import ServerOptions
    from coordinator.server import serve as serve_forever
    from help_core.predictors.artefacts import ArtefactFolder
    from help_core.predictors.registry import get_predictor

    log_to_stderr(verbose=not quiet, form=log_format)
    secure = tls or tls_dir is not None
    check_listen(listen, tls=secure)
    source = get_predictor if predictors is None else ArtefactFolder(predictors).get
    options = ServerOptions(
        model_quota_bytes=models_quota_mb * 1_000_000,
        predictors=source,
        authority=open_authority(tls_dir or default_tls_dir()) if secure else None,
        agents_listen=(
            check_listen(listen_agents or agents_address(listen), tls=True) if secure else ""
        ),
        reflection=reflection,
        audit_days=audit_days,
        monitor=metrics,
        http=check_listen(http, tls=secure, option="--http") if http else "",
        lease_s=lease_s,
    )
    asyncio.run(serve_forever(listen, store or default_store(), options))


def devices(
    context: typer.Context,
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
    with connect(context, coordinator) as client:
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
        table.add_row(*map(Text, _device_cells(status)))
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
    lines = [status.device.presence]
    if status.quarantined:
        lines.append(f"quarantined after {status.failures_in_row} failures")
    lines += [f"{name}={value}" for name, value in sorted(status.labels.items())]
    return "\n".join([*lines, *filter(None, [status.note])])


def jobs(
    context: typer.Context,
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
    with connect(context, coordinator) as client:
        found, total = client.jobs(device, states, limit)
    if as_json:
        print_json({"total": total, "jobs": found})
        return
    if not found:
        what = "No job matches" if device or states else "There is no job yet"
        Console().print(f"{what}; 'help-coord adapt' and 'help-coord collect' make some.")
        return
    table = Table(title=f"{len(found)} of {total} jobs")
    for name in ("id", "device", "state", "purpose", "attempts", "architecture", "last failure"):
        table.add_column(name, overflow="fold")
    for job in found:
        cells = (str(job.id), job.device, job.state, job.purpose, str(job.attempts))
        # What an agent wrote is text, never markup.
        table.add_row(*map(Text, (*cells, job.architecture, job.error)))
    Console().print(table)


def collect(
    context: typer.Context,
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
        Path | None,
        typer.Option("--from", help="File with one canonical string a line, or HAT's .yml."),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(help="Model that was added, or 'all'; may be repeated."),
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, help="Also draw so many architectures of --space.")
    ] = 0,
    space: Annotated[
        str, typer.Option(help="Search space of --sample and of .yml files.")
    ] = "nasbench201",
    seed: Annotated[int, typer.Option(help="Seed of --sample.")] = 0,
    name: Annotated[str, typer.Option(help="Name of the collection. Default: made.")] = "",
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
    names = [*(architecture or []), *_lines(file, space), *_sampled(space, sample, seed)]
    order = CollectionOrder(
        name or f"collection-{uuid.uuid4().hex[:8]}", priority, parse_duration(deadline)
    )
    with connect(context, coordinator) as client:
        names += chosen_models(client, models or ())
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


def _lines(path: Path | None, space: str) -> list[str]:
    if path is None:
        return []
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--from {path}: cannot be read ({error})") from None
    if path.suffix not in (".yml", ".yaml"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    found = get_space(space)
    if not isinstance(found, Hat):
        raise BadInput(f"--from {path}: only spaces of HAT read YAML files; name one with --space")
    return [str(found.parse_config(text))]


def _sampled(space: str, count: int, seed: int) -> list[str]:
    if count == 0:
        return []
    found = get_gene_space(space)
    genes = sample_genes(found, count, np.random.default_rng(seed))
    return [str(architecture) for architecture in found.from_genes(genes)]
