"""The options that ``adapt`` and ``search`` share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from coordinator.cli.options import Space
from coordinator.parse import parse_count
from help_core.records import AdaptOrder, Limits, Objective
from help_core.records.orders import MEDIAN
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
Verify = Annotated[bool, typer.Option(help="Measure the winners before they are shown.")]
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What ``adapt`` and ``search`` are both asked for."""

    device: Devices
    space: Space = "nasbench201"
    max_latency_ms: MaxLatency = None
    percentile: Percentile = MEDIAN
    max_params: MaxParams = ""
    max_flops: MaxFlops = ""
    max_memory_mib: MaxMemory = None
    max_energy_mj: MaxEnergy = None
    min_accuracy: MinAccuracy = None
    front: WholeFront = False
    objective: ObjectiveName = Objective.DEFAULT
    accuracy: AccuracyName = ""
    candidates: CandidateFile = None
    generator: GeneratorName = ""
    measurements: Measurements = 0
    seed: Seed = 0

    def order(self, *, top: int, verify: bool) -> AdaptOrder:
        """The order; raises ``BadInput`` or ``BadTable``."""
        return AdaptOrder(
            device=self.device[0],
            more_devices=tuple(self.device[1:]),
            space=self.space,
            max_latency_ms=tuple(self.max_latency_ms or ()),
            percentile=self.percentile,
            limits=self._limits(),
            min_accuracy_percent=tuple(self.min_accuracy or ()),
            whole_front=self.front,
            objective=self.objective,
            accuracy_source=self.accuracy,
            candidates=self._candidates(),
            candidates_name=self.candidates.name if self.candidates else "",
            generator=self.generator,
            top=top,
            verify=verify,
            winner_measurements=self.measurements,
            seed=self.seed,
        )

    def _limits(self) -> Limits:
        return Limits(
            max_parameters=parse_count(self.max_params),
            max_multiply_adds=parse_count(self.max_flops),
            max_memory_mib=self.max_memory_mib,
            max_energy_mj=self.max_energy_mj,
        )

    def _candidates(self) -> tuple[str, ...]:
        if self.candidates is None:
            return ()
        from help_core.search.candidate_file import read_candidates

        found = read_candidates(self.candidates, get_space(self.space))
        return tuple(str(architecture) for architecture in found)
