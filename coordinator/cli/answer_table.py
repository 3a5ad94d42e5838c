"""An answer as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rich.console import Console
from rich.table import Table

from help_core.records import Answer, LimitOutcome, Objective, Pick
from help_core.records.orders import MEDIAN

Columns: TypeAlias = dict[str, tuple[str, Callable[[Pick], str]]]
LEFT_OUT_FIRST = ("params", "MACs", "interval", "energy", "memory", "limit")
"""What a narrow console does without, the least important first."""
ENDLESS = 10_000


def show_answer(answer: Answer) -> None:
    """The table of an answer, its notes and its architectures."""
    console = Console()
    console.print(_picks_table(answer, console))
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


def _picks_table(answer: Answer, console: Console) -> Table:
    """As many columns as the console has room for: a number that is cut off tells nothing."""
    columns, left_out = _columns(answer), list[str]()
    table = _table(answer, columns, left_out)
    for name in LEFT_OUT_FIRST:
        if _width(table, console) <= console.width:
            break
        if columns.pop(name, None) is not None:
            left_out.append(name)
            table = _table(answer, columns, left_out)
    return table


def _width(table: Table, console: Console) -> int:
    """Of the whole table, if nothing is cut off."""
    return console.measure(table, options=console.options.update(width=ENDLESS)).maximum


def _table(answer: Answer, columns: Columns, left_out: Sequence[str]) -> Table:
    title = f"{answer.space} on {' and '.join(answer.devices or (answer.device,))}"
    if answer.objective not in (Objective.DEFAULT, Objective.ACCURACY):
        title += f", by {answer.objective.value}"
    captions = [f"accuracy: {answer.accuracy_source}"] if answer.accuracy_source else []
    captions += [f"no room for {', '.join(left_out)}; see --json"] if left_out else []
    table = Table(title=title, caption="\n".join(captions) or None)
    table.add_column("", justify="right", no_wrap=True)
    for header, _ in columns.values():
        table.add_column(header, justify="right", no_wrap=True)
    for number, pick in enumerate(answer.picks, start=1):
        table.add_row(str(number), *(cell(pick) for _, cell in columns.values()))
    return table


def _columns(answer: Answer) -> Columns:
    """Header and cells of each column, by name."""
    unit = "ms" if answer.percentile == MEDIAN else f"p{answer.percentile:g} ms"
    columns: Columns = {
        "limit": ("limit\nms", lambda pick: _shown(pick.limit_ms)),
        "predicted": (f"predicted\n{unit}", lambda pick: _shown(pick.predicted_ms)),
        "interval": (
            "90 %\ninterval",
            _interval,
        ),
        "measured": (f"measured\n{unit}", lambda pick: _shown(pick.measured_ms)),
        "accuracy": ("accuracy\n%", _accuracy),
        "params": ("params\nM", lambda pick: f"{pick.parameters / 1e6:.3f}"),
        "MACs": ("MACs\nM", lambda pick: f"{pick.multiply_adds / 1e6:.1f}"),
    }
    if _has(answer, "memory_mib"):
        columns["memory"] = ("memory\nMiB", lambda pick: _worst(pick, "memory_mib"))
    if _has(answer, "energy_mj"):
        columns["energy"] = ("energy\nmJ", lambda pick: _worst(pick, "energy_mj"))
    return columns


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


def _interval(pick: Pick) -> str:
    return f"{_shown(pick.low_ms)}-{_shown(pick.high_ms)}"


def _accuracy(pick: Pick) -> str:
    return "-" if pick.accuracy_percent is None else f"{pick.accuracy_percent:.1f}"


def _shown(value: float | None) -> str:
    """Three digits; without an exponent where a plain number is as short."""
    if value is None:
        return "-"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
