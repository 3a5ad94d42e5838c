"""``help-agent``: run, enroll, probe, measure, tune."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent.backoff import Backoff
from agent.boards import HostBoard
from agent.boards.android.binaries import choose_binaries
from agent.boards.android.link import find_adb
from agent.boards.choose import host_board, plugged_board, replay_board
from agent.conditions import this_machine
from agent.enroll_command import Coordinator, credentials_for, enroll
from agent.enrolment import Renewal
from agent.link import Link
from agent.measure.batch import PROCESSES
from agent.models import CachedModels, ModelCache, ModelFetcher
from agent.naming import default_device_name
from agent.own_files import limits_for, load_own
from agent.phones import AgentOptions, PhoneOptions, run_phones
from agent.probe import probe_host
from agent.runtimes.registry import BUILT_IN, DEFAULT_PROVIDERS
from agent.service import serve
from agent.show import measurement_json, measurement_table, probe_json, probe_table
from agent.spool import DEFAULT_MAX_BYTES, Spool
from agent.state import default_state_dir, open_state_dir
from agent.tune import Refused, Tuner, default_state_file
from agent.uplink import Uplink
from agent.worker import Worker
from help_core.errors import BadInput, Cancelled, MeasurementFailed
from help_core.graphs.precision import PRECISIONS, Precision
from help_core.records import Device, Failure, Settings, check_name
from help_core.spaces import parse_architecture
from help_proto.console import EXIT_CODES_HELP, log_to_stderr, print_json, run_cli

app = typer.Typer(
    name="help-agent",
    help="Measures networks on this machine and delivers the latencies to help-coord.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Threads = Annotated[int, typer.Option(help="Threads of one inference.")]
BatchSize = Annotated[int, typer.Option(help="Images (or sentences) per inference.")]
PrecisionOption = Annotated[str, typer.Option(help=f"Number format: {', '.join(PRECISIONS)}.")]
Provider = Annotated[
    str, typer.Option(help="Execution provider of the runtime; by default the processor.")
]
RuntimeName = Annotated[
    str, typer.Option(help=f"What runs models: {', '.join(BUILT_IN)}, or an installed plug-in.")
]
AllowDomain = Annotated[
    list[str] | None,
    typer.Option(help="Domain of custom operators to accept in ONNX files; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, alone on stdout.")]


Processes = Annotated[
    int,
    typer.Option(
        min=1, max=20, help="Fresh processes per network; fewer are quicker and tell less."
    ),
]


def _settings(
    threads: int, batch_size: int, precision: str, provider: str, runtime: str
) -> Settings:
    known: list[Precision] = [name for name in PRECISIONS if name == precision]
    if not known:
        raise BadInput(f"--precision {precision!r} is unknown; use {', '.join(PRECISIONS)}")
    return Settings(
        runtime=runtime,
        provider=provider or DEFAULT_PROVIDERS.get(runtime, "cpu"),
        threads=threads,
        batch_size=batch_size,
        precision=known[0],
    )


app.command()(enroll)


@app.command()
def run(
    coordinator: Coordinator = "",
    device: Annotated[
        str, typer.Option(help="Name of the device; by default the host's name and settings.")
    ] = "",
    board: Annotated[
        str,
        typer.Option(
            help="auto: this machine, recognised; android: phones over adb;"
            " replay: answer from a latency table; or a board of your own, by its name or as"
            " module:Class."
        ),
    ] = "auto",
    threads: Threads = 1,
    batch_size: BatchSize = 1,
    precision: PrecisionOption = "fp32",
    provider: Provider = "",
    runtime: RuntimeName = "onnxruntime",
    processes: Processes = PROCESSES,
    table: Annotated[
        Path | None, typer.Option(help="Replay board: CSV table or HELP .pt list to answer from.")
    ] = None,
    column: Annotated[
        str, typer.Option(help="Replay board: column of the table, if not the device's name.")
    ] = "",
    space: Annotated[
        str, typer.Option(help="Replay board: search space of the table.")
    ] = "nasbench201",
    serial: Annotated[
        list[str] | None,
        typer.Option(help="Phones: serial to serve, may be repeated. Default: all that are ready."),
    ] = None,
    runner: Annotated[
        Path | None,
        typer.Option(help="Phones: what measures there. Default: that of 'make phone-runner'."),
    ] = None,
    library: Annotated[
        Path | None, typer.Option(help="Phones: libonnxruntime.so for the phone's processor.")
    ] = None,
    cores: Annotated[
        str, typer.Option(help="Phones: cores to measure on, as 4-7. Default: the strongest.")
    ] = "",
    stay_awake: Annotated[
        bool, typer.Option("--stay-awake", help="Phones: no sleep meanwhile; put back at the end.")
    ] = False,
    adb: Annotated[str, typer.Option(help="Phones: the adb program, if not that of PATH.")] = "",
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the agent's identity and unsent reports.")
    ] = None,
    allow_domain: AllowDomain = None,
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
    settings = _settings(threads, batch_size, precision, provider, runtime)
    if board == "android":
        run_phones(
            PhoneOptions(
                find_adb(adb), serial or (), choose_binaries(runner, library), cores, stay_awake
            ),
            AgentOptions(
                coordinator, device, settings, state_dir, spool_mb, tuple(allow_domain or ())
            ),
        )
        return
    if serial or runner or library or cores or stay_awake or adb:
        raise BadInput("--serial, --runner, --library, --cores, --adb go with --board android")
    if table is not None and board != "replay":
        raise BadInput("--table goes with --board replay")
    if board == "replay":
        measuring, settings = replay_board(table, column or device, space, settings)
    elif board == "auto":
        measuring, settings = host_board(settings, processes)
    else:
        measuring, settings = plugged_board(board, settings)
    name = check_name("device", device or default_device_name(settings))
    folder = state_dir or default_state_dir(name)
    agent_id = open_state_dir(folder)
    files, held, address = credentials_for(folder, agent_id, coordinator)
    link = Link(address, agent_id, held.channel() if held else None)
    spool = Spool(folder / "spool.sqlite", spool_mb * 2**20)
    stop = threading.Event()
    rng = random.Random()
    uplink = Uplink(link, spool, stop, Backoff(rng))
    devices = {name: Device(name, measuring.describe(), settings)}
    cache = ModelCache(folder / "models")
    models = ModelFetcher(link, cache, stop, Backoff(rng))
    if isinstance(measuring, HostBoard):
        measuring.add_space(CachedModels(cache, limits_for(allow_domain)))
    worker = Worker(link, measuring, devices, spool, stop, Backoff(rng), models, time.time)
    if held is not None:
        Renewal(files, held, link, stop, time.time).start()
    serve(worker, uplink, measuring, link, spool, stop)


@app.command()
def probe(as_json: AsJson = False, runtime: RuntimeName = "onnxruntime") -> None:
    """Show what this machine is, what it can measure with, and what will spoil its numbers."""
    found = probe_host(this_machine(), runtime)
    if as_json:
        print_json(probe_json(found))
    else:
        Console().print(probe_table(found))


@app.command()
def measure(
    architecture: Annotated[
        str, typer.Option(help="Canonical string, for example 'nasbench201:|nor_conv_3x3~0|+…'.")
    ] = "",
    onnx: Annotated[Path | None, typer.Option(help="An ONNX file to measure instead.")] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(help="Size of a dynamic axis of the file, NAME=SIZE; may be repeated."),
    ] = None,
    allow_domain: AllowDomain = None,
    threads: Threads = 1,
    batch_size: BatchSize = 1,
    precision: PrecisionOption = "fp32",
    provider: Provider = "",
    runtime: RuntimeName = "onnxruntime",
    processes: Processes = PROCESSES,
    memory: Annotated[bool, typer.Option(help="Peak memory too, in a run of its own.")] = True,
    as_json: AsJson = False,
) -> None:
    """Measure one network on this machine, without a coordinator."""
    settings = _settings(threads, batch_size, precision, provider, runtime)
    if bool(architecture) == (onnx is not None):
        raise BadInput("give either --architecture STRING or --onnx FILE")
    board = HostBoard(processes=processes, system=this_machine(), with_memory=memory)
    with Console(stderr=True).status("measuring in fresh processes …"):
        if onnx is not None:
            stages = load_own(onnx, axis or (), limits_for(allow_domain), settings)
            outcome = board.measure_stages(stages, settings, build_ms=0.0)
        else:
            outcome = board.measure(parse_architecture(architecture), settings)
    if isinstance(outcome, Failure):
        raise MeasurementFailed(f"{outcome.failure_class}: {outcome.message}")
    if as_json:
        print_json(measurement_json(outcome))
    else:
        Console().print(measurement_table(outcome))


@app.command()
def tune(
    restore: Annotated[bool, typer.Option("--restore", help="Put back what was.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    state_file: Annotated[Path | None, typer.Option(help="Where to remember what was.")] = None,
) -> None:
    """Set governor and power mode for measuring, or put back what was.

    What was is recorded before it is changed, and stays recorded until it is put back: also
    after a crash, 'help-agent tune --restore' knows. A reboot resets these settings by itself.
    """
    tuner = Tuner(this_machine(), state_file or default_state_file())
    if restore:
        restored, refused = tuner.restore()
        _say_refused(refused)
        print_lines([f"put back {one.name}: {one.was}" for one in restored] or ["nothing to do"])
        return
    changes = tuner.plan()
    if not changes:
        print_lines(["nothing to do: no setting that this machine shows can be better"])
        return
    print_lines([str(change) for change in changes])
    if not yes and not typer.confirm("change these until 'help-agent tune --restore'?"):
        raise Cancelled("nothing was changed")
    _say_refused(tuner.apply(changes))
    print_lines(["done; 'help-agent tune --restore' puts back what was"])


def _say_refused(refused: Sequence[Refused]) -> None:
    if refused:
        first = refused[0]
        raise MeasurementFailed(
            f"{len(refused)} setting(s) refused; first {first.change.name}: {first.why}"
        )


def print_lines(lines: Sequence[str]) -> None:
    """Plain lines on stdout."""
    for line in lines:
        typer.echo(line)


def main() -> None:
    """Entry point of ``help-agent``."""
    run_cli(app, "help-agent")


if __name__ == "__main__":
    main()
