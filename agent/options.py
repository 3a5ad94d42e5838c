"""The options of ``help-agent``'s commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.measure.batch import PROCESSES
from agent.runtimes.registry import BUILT_IN, DEFAULT_PROVIDERS
from help_core.errors import BadInput
from help_core.graphs.precision import PRECISIONS, Precision
from help_core.records import Settings

Threads = Annotated[int, typer.Option(help="Threads of one inference.")]
BatchSize = Annotated[int, typer.Option(help="Images (or sentences) per inference.")]
PrecisionName = Annotated[str, typer.Option(help=f"Number format: {', '.join(PRECISIONS)}.")]
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
MaybeProcesses = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=20,
        help="This machine and phones: fresh processes per network; fewer are quicker and tell"
        f" less. Default: {PROCESSES}.",
        show_default=False,
    ),
]

DeviceName = Annotated[
    str, typer.Option(help="Name of the device; by default the host's name and settings.")
]
BoardName = Annotated[
    str,
    typer.Option(
        help="auto: this machine, recognised; android: phones over adb;"
        " replay: answer from a latency table; or a board of your own, by its name or as"
        " module:Class."
    ),
]
ReplayTable = Annotated[
    Path | None, typer.Option(help="Replay board: CSV table or HELP .pt list to answer from.")
]
ReplayColumn = Annotated[
    str, typer.Option(help="Replay board: column of the table, if not the device's name.")
]
ReplaySpace = Annotated[str, typer.Option(help="Replay board: search space of the table.")]
Serials = Annotated[
    list[str] | None,
    typer.Option(
        "--serial",
        help="Phones: serial to serve, may be repeated. Default: all that are ready.",
    ),
]
Runner = Annotated[
    Path | None,
    typer.Option(help="Phones: what measures there. Default: that of 'make phone-runner'."),
]
Library = Annotated[
    Path | None, typer.Option(help="Phones: libonnxruntime.so for the phone's processor.")
]
Cores = Annotated[
    str, typer.Option(help="Phones: cores to measure on, as 4-7. Default: the strongest.")
]
Awake = Annotated[
    bool, typer.Option("--stay-awake", help="Phones: no sleep meanwhile; put back at the end.")
]
Adb = Annotated[str, typer.Option(help="Phones: the adb program, if not that of PATH.")]
StateDir = Annotated[
    Path | None, typer.Option(help="Folder of the agent's identity and unsent reports.")
]
SpoolMb = Annotated[
    int, typer.Option(min=1, help="Most room for unsent reports, in MB; then it takes no work.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")]
LogFormat = Annotated[str, typer.Option(help="text for a person, json: one object a line.")]


def settings_of(
    threads: int, batch_size: int, precision: str, provider: str, runtime: str
) -> Settings:
    """The settings that were typed; raises ``BadInput``."""
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
