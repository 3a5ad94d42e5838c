"""An answer as a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from help_core.records import Answer, LimitOutcome, Objective, Pick
from help_core.records.orders import MEDIAN


def show_answer(answer: Answer) -> None:
    """The table of an answer, its notes and its architectures."""
    console = Console()
    console.print(_picks_table(answer))
    if len(answer.devices) > 1:
        console.print(_devices_table(answer))
    for number, pick in enumerate(answer.picks, start=1):
        console.print(
            f"{number:>3}  {pick.architecture}", markup=False, highlight=False, soft_wrap=True
        )
    for outcome in answer.limits:
        _line(console, f"{_name(outcome)}{outcome.message}", "" if outcome.met else "yellow")
    for note in answer.notes:
        _line(console, f"note: {note}", "yellow")
    _line(console, _summary(answer))


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _name(outcome: LimitOutcome) -> str:
    parts = []
    if outcome.min_accuracy_percent is not None:
        parts.append(f"at least {outcome.min_accuracy_percent:g} %")
    if outcome.limit_ms is not None:
        parts.append(f"limit {outcome.limit_ms:g} ms")
    return f"{', '.join(parts)}: " if parts else ""


def _summary(answer: Answer) -> str:
    text = f"{len(answer.support)} measurements adapted the predictor {answer.predictor}"
    if answer.confirmations:
        text += f", {len(answer.confirmations)} confirmed the answer"
    if answer.candidates:
        text += f"; chosen from {answer.candidates:,} candidates ({answer.candidates_name})"
    return f"{text}; {answer.elapsed_s:.0f} s in all." if answer.elapsed_s else f"{text}."


def _picks_table(answer: Answer) -> Table:
    title = f"{answer.space} on {' and '.join(answer.devices or (answer.device,))}"
    if answer.objective not in (Objective.DEFAULT, Objective.ACCURACY):
        title += f", by {answer.objective.value}"
    source = answer.accuracy_source
    table = Table(title=title, caption=f"accuracy: {source}" if source else None)
    unit = "ms" if answer.percentile == MEDIAN else f"ms, p{answer.percentile:g}"
    headers = ["limit\nms", f"predicted\n{unit}", "90 %\ninterval", f"measured\n{unit}"]
    headers += ["accuracy\n%", "params\nM", "mult-adds\nM"]
    memory, energy = _has(answer, "memory_mib"), _has(answer, "energy_mj")
    headers += ["memory\nMiB"] if memory else []
    headers += ["energy\nmJ"] if energy else []
    table.add_column("", justify="right")
    for header in headers:
        table.add_column(header, justify="right")
    for number, pick in enumerate(answer.picks, start=1):
        row = [str(number), *_cells(pick)]
        row += [_worst(pick, "memory_mib")] if memory else []
        row += [_worst(pick, "energy_mj")] if energy else []
        table.add_row(*row)
    return table


def _cells(pick: Pick) -> list[str]:
    return [
        "-" if pick.limit_ms is None else f"{pick.limit_ms:.3g}",
        f"{pick.predicted_ms:.3g}",
        f"{pick.low_ms:.3g}-{pick.high_ms:.3g}",
        _shown(pick.measured_ms),
        "-" if pick.accuracy_percent is None else f"{pick.accuracy_percent:.1f}",
        f"{pick.parameters / 1e6:.3f}",
        f"{pick.multiply_adds / 1e6:.1f}",
    ]


def _devices_table(answer: Answer) -> Table:
    """What each of several devices takes."""
    table = Table(title="On each device: measured ms (predicted)")
    table.add_column("", justify="right")
    for device in answer.devices:
        table.add_column(device, justify="right", overflow="fold")
    for number, pick in enumerate(answer.picks, start=1):
        cells = [f"{_shown(one.measured_ms)} ({one.predicted_ms:.3g})" for one in pick.devices]
        table.add_row(str(number), *cells)
    return table


def _has(answer: Answer, name: str) -> bool:
    return any(getattr(one, name) is not None for pick in answer.picks for one in pick.devices)


def _worst(pick: Pick, name: str) -> str:
    values = [getattr(one, name) for one in pick.devices]
    return _shown(max((value for value in values if value is not None), default=None))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
