"""The folder of a report."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx

from help_core.errors import BadInput, StoreError
from help_core.records import Answer, Pick
from help_core.report.facts import Facts
from help_core.report.page import render_page
from help_core.spaces import BuildOptions, parse_architecture
from help_core.spaces.configuration import configuration
from help_core.spaces.registry import get_space


def write_report(answer: Answer, folder: Path, facts: Facts) -> tuple[Path, ...]:
    """Writes the report and returns its files.

    ``report.html``; ``answer.json`` with provenance; and of each architecture on offer
    ``architecture-N.json``, the networks ``architecture-N[-STAGE].onnx`` as they were measured
    (random weights), and ``architecture-N.config.json|yml`` where its own project has such a
    file. A file of that name is replaced in one step. Raises ``BadInput`` or ``StoreError``.
    """
    if not answer.picks:
        raise BadInput("the answer offers no architecture, so there is nothing to report")
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = {"answer": asdict(answer), "provenance": _provenance(answer, facts)}
        written.append(_put(folder / "answer.json", _json(content)))
        for number, pick in enumerate(_distinct(answer), start=1):
            written += _architecture(folder, f"architecture-{number}", answer, pick, facts)
        written.append(_put(folder / "report.html", render_page(answer, facts).encode()))
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror})") from None
    return tuple(written)


def _distinct(answer: Answer) -> list[Pick]:
    """Each architecture once, however many limits it is offered for."""
    return list({pick.architecture: pick for pick in reversed(answer.picks)}.values())[::-1]


def _architecture(folder: Path, stem: str, answer: Answer, pick: Pick, facts: Facts) -> list[Path]:
    architecture = parse_architecture(pick.architecture)
    space = get_space(architecture.space)
    content: dict[str, Any] = {"architecture": pick.architecture, "space": architecture.space}
    content["choice"] = asdict(pick)
    content["provenance"] = _provenance(answer, facts)
    written: list[Path] = []
    config = configuration(space, architecture)
    if config is not None:
        content["configuration"] = config[2]
        written.append(_put(folder / f"{stem}.config{config[0]}", config[1].encode()))
    settings = facts.device.settings if facts.device is not None else None
    options = (
        BuildOptions()
        if settings is None
        else BuildOptions(batch_size=settings.batch_size, precision=settings.precision)
    )
    stages = space.build(architecture, options)
    for stage in stages:
        name = f"{stem}.onnx" if len(stages) == 1 else f"{stem}-{stage.name}.onnx"
        written.append(_put(folder / name, _network(stage.model)))
    written.append(_put(folder / f"{stem}.json", _json(content)))
    return written


def _network(model: onnx.ModelProto) -> bytes:
    data: bytes = model.SerializeToString()
    return data


def _provenance(answer: Answer, facts: Facts) -> dict[str, Any]:
    known = asdict(facts)
    return {
        "device": answer.device,
        "predictor": answer.predictor,
        "accuracy_source": answer.accuracy_source,
        "measurements": [point.architecture for point in (*answer.support, *answer.confirmations)],
        **{name: value for name, value in known.items() if value and name != "device"},
        "board": known["device"],
    }


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, default=str) + "\n").encode()


def _put(path: Path, data: bytes) -> Path:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
    return path
