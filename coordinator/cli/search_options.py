"""The options that ``adapt`` and ``search`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coordinator.parse import parse_count
from help_core.records import Limits, Objective
from help_core.spaces import get_space

Devices = Annotated[
    list[str],
    typer.Option(
        "--device",
        help="Device, as 'help-coord devices' lists it. With several, the answer holds on all.",
    ),
]
MaxLatency = Annotated[
    list[float] | None,
    typer.Option(
        "--max-latency-ms",
        help="Latency limit; may be repeated. Default: levels spread over what the device can do.",
        show_default=False,
    ),
]
Percentile = Annotated[
    float,
    typer.Option(
        help="What of a measurement's samples has to keep the limit; 50 is the median, 99 needs"
        " 100 samples a measurement."
    ),
]
MaxParams = Annotated[
    str, typer.Option(metavar="N", help="Most parameters, as 5000000 or 5M.", show_default=False)
]
MaxFlops = Annotated[
    str,
    typer.Option(metavar="N", help="Most multiply-adds, as 300M or 1.2G.", show_default=False),
]
MaxMemory = Annotated[
    float | None,
    typer.Option(
        "--max-memory-mib",
        help="Most peak memory, judged on the measured winners.",
        show_default=False,
    ),
]
MaxEnergy = Annotated[
    float | None,
    typer.Option(
        "--max-energy-mj",
        help="Most energy of an inference, judged on the measured winners, where the device"
        " has a counter.",
        show_default=False,
    ),
]
MinAccuracy = Annotated[
    list[float] | None,
    typer.Option(
        "--min-accuracy",
        help="Find the fastest that reaches this accuracy in percent; may be repeated.",
        show_default=False,
    ),
]
WholeFront = Annotated[
    bool, typer.Option("--front", help="Find the whole front, not the best for single limits.")
]
ObjectiveName = Annotated[
    Objective,
    typer.Option(
        help="What to get most of within the limits. Default: accuracy, or flops where nothing"
        " tells accuracy; latency finds the fastest.",
        show_default=False,
    ),
]
AccuracyName = Annotated[
    str,
    typer.Option(
        "--accuracy",
        metavar="NAME",
        help="Accuracy source: imported, shipped, none, a proxy (synflow, naswot: they only rank)"
        " or an installed one. Default: what was imported, or else what ships.",
        show_default=False,
    ),
]
CandidateFile = Annotated[
    Path | None,
    typer.Option(
        "--candidates",
        help="Choose among the architectures of this file: one a line, or a CSV with a column"
        " 'architecture'.",
        show_default=False,
    ),
]
GeneratorName = Annotated[
    str,
    typer.Option(
        "--generator",
        metavar="NAME",
        help="Where candidates come from: exhaustive, evolution, random or an installed one."
        " Default: the whole space, or evolution where that is too large.",
        show_default=False,
    ),
]
Measurements = Annotated[
    int,
    typer.Option(
        min=0,
        help="Most architectures to confirm winners with, on each device; 0: as many as is usual.",
    ),
]
Top = Annotated[int, typer.Option(help="Architectures to show for each limit.")]
Predictor = Annotated[
    str, typer.Option(help="Predictor. Default: the best for the space.", show_default=False)
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Also write a folder to keep: page with plots, architectures, ONNX, provenance."
    ),
]
Plot = Annotated[Path | None, typer.Option(help="Also draw the front to this .png or .svg file.")]


def make_limits(
    max_params: str, max_flops: str, memory_mib: float | None, energy_mj: float | None
) -> Limits:
    """The limits that were typed; raises ``BadInput``."""
    return Limits(
        max_parameters=parse_count(max_params),
        max_multiply_adds=parse_count(max_flops),
        max_memory_mib=memory_mib,
        max_energy_mj=energy_mj,
    )


def read_names(path: Path | None, space: str) -> tuple[str, ...]:
    """Canonical strings of a file of candidates; raises ``BadTable``."""
    if path is None:
        return ()
    from help_core.search.candidate_file import read_candidates

    return tuple(str(architecture) for architecture in read_candidates(path, get_space(space)))
