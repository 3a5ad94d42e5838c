"""``help-agent``: run, probe, measure."""

from __future__ import annotations

import random
import socket
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from help_proto.console import EXIT_CODES_HELP, log_to_stderr, print_json, run_cli
from rich.console import Console
from rich.table import Table

from agent.backoff import Backoff
from agent.boards import HostBoard, MeasuringBoard, ReplayBoard
from agent.boards.host import load_onnx_file
from agent.boards.replay import read_column
from agent.conditions import describe_host, governor, take_snapshot
from agent.link import Link
from agent.service import serve
from agent.spool import DEFAULT_MAX_BYTES, Spool
from agent.state import default_state_dir, open_state_dir
from agent.uplink import Uplink
from agent.worker import Worker
from help_core import __version__
from help_core.errors import BadInput, MeasurementFailed
from help_core.graphs.precision import PRECISIONS, Precision
from help_core.records import Device, Failure, Measurement, Settings, check_name
from help_core.spaces import get_space, parse_architecture

app = typer.Typer(
    name="help-agent",
    help="Measures networks on this machine and delivers the latencies to help-coord.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Coordinator = Annotated[
    str,
    typer.Option(
        "--coordinator",
        envvar="HELP_COORDINATOR",
        metavar="HOST:PORT",
        help="Where help-coord serve listens.",
    ),
]
Threads = Annotated[int, typer.Option(help="Threads of one inference.")]
BatchSize = Annotated[int, typer.Option(help="Images (or sentences) per inference.")]
PrecisionOption = Annotated[str, typer.Option(help=f"Number format: {', '.join(PRECISIONS)}.")]
Provider = Annotated[str, typer.Option(help="Execution provider of onnxruntime.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, alone on stdout.")]


def _settings(threads: int, batch_size: int, precision: str, provider: str) -> Settings:
    known: list[Precision] = [name for name in PRECISIONS if name == precision]
    if not known:
        raise BadInput(f"--precision {precision!r} is unknown; use {', '.join(PRECISIONS)}")
    return Settings(threads=threads, batch_size=batch_size, precision=known[0], provider=provider)


def default_device_name(settings: Settings) -> str:
    """The host's name, with what differs from the usual settings: ``box-t4-b32``."""
    usual = Settings()
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in socket.gethostname())
    if settings.threads != usual.threads:
        name += f"-t{settings.threads}"
    if settings.batch_size != usual.batch_size:
        name += f"-b{settings.batch_size}"
    if settings.precision != usual.precision:
        name += f"-{settings.precision}"
    if settings.provider != usual.provider:
        name += f"-{settings.provider.removesuffix('ExecutionProvider').lower()}"
    return name.lstrip("._-")[:64] or "device"


def _make_board(
    board: str, table: Path | None, column: str, space: str, settings: Settings
) -> tuple[MeasuringBoard, Settings]:
    if board == "replay":
        if table is None:
            raise BadInput("--board replay needs --table FILE, a latency table to answer from")
        if not column:
            raise BadInput("--board replay needs --device NAME, the column of the table to replay")
        latencies = read_column(table, get_space(space), column)
        replay = ReplayBoard(latencies, table.name)
        usual = replay.default_settings()
        return replay, replace(settings, runtime=usual.runtime, provider=usual.provider)
    if board != "auto":
        raise BadInput(f"--board {board!r} is unknown; use auto or replay")
    if table is not None:
        raise BadInput("--table goes with --board replay")
    return HostBoard(), settings


@app.command()
def run(
    coordinator: Coordinator = "127.0.0.1:50051",
    device: Annotated[
        str, typer.Option(help="Name of the device; by default the host's name and settings.")
    ] = "",
    board: Annotated[
        str, typer.Option(help="auto: this machine; replay: answer from a latency table.")
    ] = "auto",
    threads: Threads = 1,
    batch_size: BatchSize = 1,
    precision: PrecisionOption = "fp32",
    provider: Provider = "CPUExecutionProvider",
    table: Annotated[
        Path | None, typer.Option(help="Replay board: CSV table or HELP .pt list to answer from.")
    ] = None,
    column: Annotated[
        str, typer.Option(help="Replay board: column of the table, if not the device's name.")
    ] = "",
    space: Annotated[
        str, typer.Option(help="Replay board: search space of the table.")
    ] = "nasbench201",
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the agent's identity and unsent reports.")
    ] = None,
    spool_mb: Annotated[
        int, typer.Option(min=1, help="Most room for unsent reports, in MB; then it takes no work.")
    ] = DEFAULT_MAX_BYTES // 2**20,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")] = False,
    log_format: Annotated[
        str, typer.Option(help="text for a person, json: one object a line.")
    ] = "text",
) -> None:
    """Serve a device: lease measurements, make them, deliver them, until Ctrl-C.

    Stopping gives leases back, so that another start (or another agent) takes them up. What
    was measured and not yet delivered stays in the state folder and is sent at the next start.
    """
    log_to_stderr(verbose=not quiet, form=log_format)
    settings = _settings(threads, batch_size, precision, provider)
    measuring, settings = _make_board(board, table, column or device, space, settings)
    name = check_name("device", device or default_device_name(settings))
    folder = state_dir or default_state_dir(name)
    link = Link(_address(coordinator), open_state_dir(folder))
    spool = Spool(folder / "spool.sqlite", spool_mb * 2**20)
    stop = threading.Event()
    rng = random.Random()
    uplink = Uplink(link, spool, stop, Backoff(rng))
    devices = {name: Device(name, measuring.describe(), settings)}
    worker = Worker(link, measuring, devices, spool, stop, Backoff(rng), time.time)
    serve(worker, uplink, measuring, link, spool, stop)


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port[:6]) < 65536):
        raise BadInput(f"--coordinator {text!r} is no HOST:PORT, for example 127.0.0.1:50051")
    return text


@app.command()
def probe(as_json: AsJson = False) -> None:
    """Show what this machine is, what it can measure with, and what it can read of itself."""
    import onnxruntime

    board = describe_host()
    providers = onnxruntime.get_available_providers()
    readings = dict(take_snapshot().values)
    if as_json:
        print_json(
            {
                "version": __version__,
                "board": asdict(board),
                "onnxruntime": onnxruntime.__version__,
                "providers": providers,
                "governor": governor(),
                "readings": readings,
            }
        )
        return
    table = Table(title=f"help-agent {__version__}", show_header=False)
    for name, value in asdict(board).items():
        table.add_row(name.replace("_", " "), str(value) or "unreadable")
    table.add_row("onnxruntime", f"{onnxruntime.__version__}: {', '.join(providers)}")
    table.add_row("governor", governor())
    for name, reading in readings.items():
        table.add_row(name.replace("_", " "), "unreadable" if reading is None else f"{reading:.1f}")
    Console().print(table)


@app.command()
def measure(
    architecture: Annotated[
        str, typer.Option(help="Canonical string, for example 'nasbench201:|nor_conv_3x3~0|+…'.")
    ] = "",
    onnx: Annotated[Path | None, typer.Option(help="An ONNX file to measure instead.")] = None,
    threads: Threads = 1,
    batch_size: BatchSize = 1,
    precision: PrecisionOption = "fp32",
    provider: Provider = "CPUExecutionProvider",
    as_json: AsJson = False,
) -> None:
    """Measure one network on this machine, without a coordinator."""
    settings = _settings(threads, batch_size, precision, provider)
    if bool(architecture) == (onnx is not None):
        raise BadInput("give either --architecture STRING or --onnx FILE")
    board = HostBoard()
    with Console(stderr=True).status("measuring in three fresh processes …"):
        if onnx is not None:
            outcome = board.measure_stages(load_onnx_file(onnx), settings, build_ms=0.0)
        else:
            outcome = board.measure(parse_architecture(architecture), settings)
    if isinstance(outcome, Failure):
        raise MeasurementFailed(f"{outcome.failure_class}: {outcome.message}")
    if as_json:
        print_json(outcome)
    else:
        Console().print(_measurement_table(outcome))


def _measurement_table(measurement: Measurement) -> Table:
    summary = measurement.summary
    table = Table(show_header=False, title="latency")
    table.add_row("median", f"{summary.median_ms:.4g} ms")
    table.add_row("95 % interval", f"{summary.low_ms:.4g} - {summary.high_ms:.4g} ms")
    table.add_row("minimum", f"{summary.min_ms:.4g} ms")
    table.add_row("quartiles", f"{summary.q1_ms:.4g} - {summary.q3_ms:.4g} ms")
    table.add_row(
        "samples", f"{len(measurement.samples_ns)} in {len(measurement.processes)} processes"
    )
    table.add_row("verdict", " ".join([measurement.verdict, *measurement.reasons]))
    for reading in measurement.readings:
        values = [
            "unreadable" if value is None else f"{value:.1f}"
            for value in (reading.before, reading.after)
        ]
        table.add_row(reading.name.replace("_", " "), " -> ".join(values))
    return table


def main() -> None:
    """Entry point of ``help-agent``."""
    run_cli(app, "help-agent")


if __name__ == "__main__":
    main()
