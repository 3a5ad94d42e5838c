"""``help-agent``: run, enroll, probe, measure, tune."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent.assembly import AgentOptions, Served, serve_boards, users_models
from agent.boards import HostBoard
from agent.boards.android.binaries import choose_binaries
from agent.boards.android.link import find_adb
from agent.boards.base import MeasuringBoard
from agent.boards.choose import host_board, plugged_board, replay_board
from agent.conditions import this_machine
from agent.enroll_command import Coordinator, enroll
from agent.measure.batch import PROCESSES
from agent.naming import default_device_name
from agent.options import (
    Adb,
    AllowDomain,
    AsJson,
    Awake,
    BatchSize,
    BoardName,
    Cores,
    DeviceName,
    Library,
    LogFormat,
    MaybeProcesses,
    PrecisionName,
    Processes,
    Provider,
    Quiet,
    ReplayColumn,
    ReplaySpace,
    ReplayTable,
    Runner,
    RuntimeName,
    Serials,
    SpoolMb,
    StateDir,
    Threads,
    settings_of,
)
from agent.own_files import limits_for, load_own
from agent.phones import PhoneOptions, run_phones
from agent.probe import probe_host
from agent.show import measurement_json, measurement_table, probe_json, probe_table
from agent.spool import DEFAULT_MAX_BYTES
from agent.state import default_state_dir, open_state_dir
from agent.tune import Refused, Tuner, default_state_file
from help_core.errors import BadInput, Cancelled, MeasurementFailed
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

app.command()(enroll)


@app.command()
def run(
    coordinator: Coordinator = "",
    device: DeviceName = "",
    board: BoardName = "auto",
    threads: Threads = 1,
    batch_size: BatchSize = 1,
    precision: PrecisionName = "fp32",
    provider: Provider = "",
    runtime: RuntimeName = "onnxruntime",
    processes: MaybeProcesses = None,
    table: ReplayTable = None,
    column: ReplayColumn = "",
    space: ReplaySpace = "nasbench201",
    serial: Serials = None,
    runner: Runner = None,
    library: Library = None,
    cores: Cores = "",
    stay_awake: Awake = False,
    adb: Adb = "",
    state_dir: StateDir = None,
    allow_domain: AllowDomain = None,
    spool_mb: SpoolMb = DEFAULT_MAX_BYTES // 2**20,
    quiet: Quiet = False,
    log_format: LogFormat = "text",
) -> None:
    """Serve a device: lease measurements, make them, deliver them, until Ctrl-C.

    Stopping gives leases back, so that another start (or another agent) takes them up. What
    was measured and not yet delivered stays in the state folder and is sent at the next start.
    """
    log_to_stderr(verbose=not quiet, form=log_format)
    settings = settings_of(threads, batch_size, precision, provider, runtime)
    agent = AgentOptions(
        coordinator, device, settings, state_dir, spool_mb, tuple(allow_domain or ())
    )
    if board != "android" and (serial or runner or library or cores or stay_awake or adb):
        raise BadInput("--serial, --runner, --library, --cores, --adb go with --board android")
    if board != "replay" and (table is not None or column):
        raise BadInput("--table and --column go with --board replay")
    if board not in ("auto", "android") and processes is not None:
        raise BadInput("--processes goes with --board auto or android; others measure their way")
    if board == "android":
        binaries, each = choose_binaries(runner, library), processes or PROCESSES
        phones = PhoneOptions(find_adb(adb), serial or (), binaries, cores, stay_awake, each)
        run_phones(phones, agent)
    elif board == "replay":
        _serve_one(*replay_board(table, column or device, space, settings), agent)
    elif board == "auto":
        _serve_one(*host_board(settings, processes or PROCESSES), agent)
    else:
        _serve_one(*plugged_board(board, settings), agent)


def _serve_one(board: MeasuringBoard, settings: Settings, agent: AgentOptions) -> None:
    """Serves the single device of a board; what the board runs models with is in ``settings``."""
    name = check_name("device", agent.device or default_device_name(settings))
    folder = agent.state_dir or default_state_dir(name)
    agent_id = open_state_dir(folder)
    if isinstance(board, HostBoard):
        board.add_space(users_models(folder, agent))
    device = Device(name, board.describe(), settings)
    serve_boards([Served(device, board)], agent, folder, agent_id)


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
    precision: PrecisionName = "fp32",
    provider: Provider = "",
    runtime: RuntimeName = "onnxruntime",
    processes: Processes = PROCESSES,
    memory: Annotated[bool, typer.Option(help="Peak memory too, in a run of its own.")] = True,
    as_json: AsJson = False,
) -> None:
    """Measure one network on this machine, without a coordinator."""
    settings = settings_of(threads, batch_size, precision, provider, runtime)
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
