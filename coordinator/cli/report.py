"""report: an answer as a folder to keep; also what ``adapt --out`` writes."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from coordinator.cli.options import AsJson, Coordinator, connect
from coordinator.client import Client
from help_core import __version__
from help_core.errors import BadInput
from help_core.records import Answer, JobState, Progress
from help_core.report import Facts, Phase, answer_from_json, write_report
from help_proto.console import print_json

T = TypeVar("T")
PACKAGES = ("numpy", "onnx", "torch")
MAX_JOBS = 1000
MAX_ANSWER_BYTES = 64 * 2**20


class PhaseTimes:
    """Times the phases of a long request as its progress comes by."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}

    def follow(self, events: Iterator[Progress | T]) -> Iterator[Progress | T]:
        """The events; the time until each is that of the phase shown before it."""
        phase, since = "connect", self._clock()
        for event in events:
            now = self._clock()
            self._seconds[phase] = self._seconds.get(phase, 0.0) + now - since
            since = now
            if isinstance(event, Progress):
                phase = event.phase
            yield event

    def phases(self) -> tuple[Phase, ...]:
        """In the order in which they began."""
        return tuple(Phase(name, seconds) for name, seconds in self._seconds.items())


def keep_answer(
    client: Client | None,
    answer: Answer,
    out: Path,
    phases: tuple[Phase, ...] = (),
    command: str = "",
) -> tuple[Path, ...]:
    """Writes the report of an answer, with what the coordinator tells of the device."""
    statuses = [] if client is None else client.devices()
    device = next((one.device for one in statuses if one.device.name == answer.device), None)
    jobs = [] if client is None else client.jobs(answer.device, (JobState.DONE,), MAX_JOBS)[0]
    facts = Facts(
        command=command,
        phases=phases,
        device=device,
        versions=_versions(),
        artefact_sha256=_artefact_sha256(answer),
        jobs={job.architecture: job.id for job in reversed(jobs)},
        written_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    return write_report(answer, out, facts)


def report(
    context: typer.Context,
    answer: Annotated[
        Path, typer.Argument(help="What 'help-coord adapt --json' or 'search --json' printed.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    coordinator: Coordinator = "",
    as_json: AsJson = False,
) -> None:
    """Write an answer as a folder to keep: page, architectures, ONNX, provenance.

    With --coordinator, the page also tells the device's board and settings and the jobs that
    measured.
    """
    found = _read(answer)
    if coordinator:
        with connect(context, coordinator) as client:
            written = keep_answer(client, found, out)
    else:
        written = keep_answer(None, found, out)
    if as_json:
        print_json({"files": [str(path) for path in written]})
        return
    Console().print(
        f"{len(written)} files in {out}; open {out / 'report.html'}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _read(path: Path) -> Answer:
    try:
        if path.stat().st_size > MAX_ANSWER_BYTES:
            raise BadInput(f"{path}: is too large for an answer")
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise BadInput(f"{path}: not JSON ({error}); give what 'adapt --json' printed") from None
    if isinstance(content, dict) and isinstance(content.get("answer"), dict):
        content = content["answer"]
    try:
        return answer_from_json(content)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def _versions() -> dict[str, str]:
    found = {"help-fleet": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _artefact_sha256(answer: Answer) -> str:
    """Of the artefact that ships for predictor and space; empty where none does."""
    file = (
        files("help_core")
        / "assets"
        / "predictors"
        / (f"{answer.predictor}-{answer.space}.safetensors")
    )
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
