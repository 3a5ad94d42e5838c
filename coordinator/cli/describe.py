"""describe: what an architecture is and costs, and its file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coordinator.cli.options import DEFAULT_ADDRESS, AsJson, Coordinator, connect
from help_core.errors import BadInput, StoreError
from help_core.spaces import Architecture, GeneSpace, get_space
from help_core.spaces.configuration import configuration, read_architecture
from help_proto.console import print_json


def describe(
    context: typer.Context,
    architecture: Annotated[
        str,
        typer.Argument(
            metavar="TEXT|FILE", help="Canonical string, or a file: JSON, once-for-all's or HAT's."
        ),
    ],
    space: Annotated[
        str, typer.Option(help="Search space, where the architecture does not name it.")
    ] = "nasbench201",
    accuracy: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE|MODULE:FUNCTION",
            help="Accuracy source: shipped, synflow, a .csv, acc_predictor.pth, your function …"
            " Default: what ships for the space, if anything does.",
            show_default=False,
        ),
    ] = "",
    device: Annotated[
        str, typer.Option(help="Also predict its latency on this adapted device.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Write its configuration for once-for-all (.json) or HAT (.yml)."),
    ] = None,
    coordinator: Coordinator = DEFAULT_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """Show parameters, multiply-adds, accuracy and latency of one architecture.

    HAT's accuracy is a BLEU score that its own programs compute: --out writes the file that
    they take.
    """
    chosen = read_architecture(architecture, space)
    found = get_space(chosen.space)
    cost = found.cost(chosen)
    content: dict[str, Any] = {
        "architecture": str(chosen),
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
        "accuracy": _accuracy(found, chosen, accuracy),
    }
    written = configuration(found, chosen)
    if written is not None:
        content["configuration"] = written[2]
    if device:
        with connect(context, coordinator) as client:
            rows, predictor = client.predict(device, [str(chosen)])
        keys = ("latency_ms", "low_ms", "high_ms")
        content["latency"] = {"device": device, "predictor": predictor}
        content["latency"] |= dict(zip(keys, rows[0][1:], strict=True))
    if out is not None:
        _write(out, str(chosen), written)
    print_json(content) if as_json else _show(content)


def _accuracy(space: Any, architecture: Architecture, given: str) -> dict[str, Any] | None:
    from help_core.accuracy import RankingOnly, UncertainAccuracy, get_accuracy
    from help_core.accuracy.model import load_shipped_accuracy

    if not isinstance(space, GeneSpace):
        if given:
            raise BadInput(f"{space.name} has no genotypes, so no accuracy source knows it")
        return None
    source = get_accuracy(given, space) if given else load_shipped_accuracy(space.name)
    if source is None:
        return None
    genes = space.to_genes([architecture])
    value = float(source.accuracy_percent(genes)[0])
    known = value if value == value else None
    if isinstance(source, RankingOnly):
        return {"source": source.name, "score": known}
    content: dict[str, Any] = {"source": source.name, "percent": known}
    if isinstance(source, UncertainAccuracy):
        content["deviation_percent"] = float(source.deviation_percent(genes)[0])
    return content


def _write(out: Path, architecture: str, written: tuple[str, str, Any] | None) -> None:
    if written is None:
        raise BadInput(f"--out: {architecture.split(':')[0]} has no file format of its own")
    suffix, text, _ = written
    if out.suffix != suffix:
        raise BadInput(f"--out {out}: this space's configurations end in {suffix}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"--out {out}: cannot be written ({error.strerror})") from None


def _show(content: dict[str, Any]) -> None:
    lines = [
        content["architecture"],
        f"parameters     {content['parameters'] / 1e6:.3f} M",
        f"multiply-adds  {content['multiply_adds'] / 1e6:.1f} M",
        f"accuracy       {_accuracy_words(content['accuracy'])}",
    ]
    if "latency" in content:
        one = content["latency"]
        lines.append(
            f"latency        {one['latency_ms']:.4g} ms on {one['device']}, predicted"
            f" (90 % interval {one['low_ms']:.4g}-{one['high_ms']:.4g})"
        )
    console = Console()
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for key, value in content.get("configuration", {}).items():
        console.print(f"{key}: {value}", markup=False, highlight=False, soft_wrap=True)


def _accuracy_words(found: dict[str, Any] | None) -> str:
    if found is None:
        return "no source for this space; see --accuracy"
    if "score" in found:
        return f"score {found['score']} by {found['source']}"
    if found["percent"] is None:
        return f"unknown to {found['source']}"
    doubt = found.get("deviation_percent")
    words = f"{found['percent']:.2f} %" + ("" if doubt is None else f" ± {doubt:.2f}")
    return f"{words} by {found['source']}"
