"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from help_core.records import Answer, MeasuredPoint, Pick
from help_core.report.facts import Facts
from help_core.report.pictures import agreement_picture, front_picture, time_picture
from help_core.report.style import STYLE


def render_page(answer: Answer, facts: Facts) -> str:
    """HTML of an answer; everything in it that came from elsewhere is escaped."""
    title = f"{answer.space} on {answer.device}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(_summary(answer, facts))}</p>',
        _winners(answer),
        _outcomes(answer),
        _figure("The front", front_picture(answer), _FRONT_WORDS),
        _figure("Predicted against measured", agreement_picture(answer), _AGREEMENT_WORDS),
        _figure("Where the time went", time_picture(facts), ""),
        _measurements(answer, facts),
        _provenance(answer, facts),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


_FRONT_WORDS = (
    "Grey: the space, by prediction. Blue: the best predicted. Orange: what is offered, where it"
    " was measured, with its 90 % interval. Hollow: offered by prediction alone."
)
_AGREEMENT_WORDS = (
    "On the dashed line, prediction and device agree. Blue: the measurements that adapted the"
    " predictor, so it knew them. Orange: those that confirmed the answer, predicted before they"
    " were measured, with the 90 % interval of those on offer."
)


def _summary(answer: Answer, facts: Facts) -> str:
    words = (
        f"{len(answer.support)} measurements adapted the predictor,"
        f" {len(answer.confirmations)} confirmed the answer"
    )
    if answer.elapsed_s:
        words += f"; {answer.elapsed_s:.0f} s in all"
    words += f". Accuracy: {answer.accuracy_source or 'no source for this space'}."
    return words + (f" Written {facts.written_at}." if facts.written_at else "")


def limit_words(limit_ms: float | None) -> str:
    """A limit as it is shown."""
    return "none" if limit_ms is None else f"{limit_ms:.4g}"


def _winners(answer: Answer) -> str:
    heads = ("limit, ms", "measured, ms", "predicted, ms", "90 % interval", "accuracy, %")
    rows = [_winner(number, pick) for number, pick in enumerate(answer.picks, start=1)]
    return (
        "<h2>Architectures</h2>"
        + _table(("#", *heads, "params, M", "MACs, M"), rows)
        + _names([pick.architecture for pick in answer.picks])
    )


def _winner(number: int, pick: Pick) -> list[str]:
    return [
        str(number),
        limit_words(pick.limit_ms),
        "–" if pick.measured_ms is None else f"{pick.measured_ms:.4g}",
        f"{pick.predicted_ms:.4g}",
        f"{pick.low_ms:.4g} – {pick.high_ms:.4g}",
        "–" if pick.accuracy_percent is None else f"{pick.accuracy_percent:.2f}",
        f"{pick.parameters / 1e6:.3f}",
        f"{pick.multiply_adds / 1e6:.1f}",
    ]


def _names(names: Sequence[str]) -> str:
    items = "".join(f"<li><code>{escape(name)}</code></li>" for name in names)
    return f"<ol>{items}</ol>"


def _outcomes(answer: Answer) -> str:
    lines = [f"{limit_words(one.limit_ms)} ms: {one.message}" for one in answer.limits]
    items = "".join(f"<li>{escape(line)}</li>" for line in [*lines, *answer.notes])
    return f"<h2>Limits and notes</h2><ul>{items}</ul>" if items else ""


def _figure(title: str, picture: str, words: str) -> str:
    if not picture:
        return ""
    caption = f"<figcaption>{escape(words)}</figcaption>" if words else ""
    return f"<h2>{escape(title)}</h2><figure>{picture}{caption}</figure>"


def _measurements(answer: Answer, facts: Facts) -> str:
    groups = (("adapted", answer.support), ("confirmed", answer.confirmations))
    rows = [_measurement(kind, one, facts) for kind, points in groups for one in points]
    heads = ("purpose", "measured, ms", "predicted, ms", "verdict", "job", "architecture")
    if not rows:
        return ""
    return (
        f"<details><summary>All {len(rows)} measurements</summary>{_table(heads, rows)}</details>"
    )


def _measurement(kind: str, point: MeasuredPoint, facts: Facts) -> list[str]:
    job = facts.jobs.get(point.architecture)
    return [
        kind,
        f"{point.latency_ms:.4g}",
        f"{point.predicted_ms:.4g}",
        str(point.verdict),
        "–" if job is None else str(job),
        point.architecture,
    ]


def _provenance(answer: Answer, facts: Facts) -> str:
    rows = [["predictor", answer.predictor]]
    if facts.artefact_sha256:
        rows.append(["artefact that ships for it, SHA-256", facts.artefact_sha256])
    if facts.device is not None:
        board, settings = facts.device.board, facts.device.settings
        rows += [
            ["board", " · ".join(one for one in (board.kind, board.model, board.processor) if one)],
            ["operating system", board.operating_system or "–"],
            [
                "device settings",
                f"{settings.runtime}, {settings.provider}, {settings.threads} thread(s), batch"
                f" {settings.batch_size}, {settings.precision}",
            ],
        ]
    rows += [[name, version] for name, version in sorted(facts.versions.items())]
    if facts.command:
        rows.append(["command", facts.command])
    return "<h2>Provenance</h2>" + _table(("what", "value"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide"><table>{inside}</table></div>'
