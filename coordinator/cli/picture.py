"""Answers and what is known of a device, as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from help_core.errors import BadInput, StoreError
from help_core.records import Answer, Calibration, Embedding


def draw_front(answer: Answer, path: Path) -> None:
    """Writes a .png or .svg; raises ``BadInput`` for an answer without accuracies."""
    # matplotlib takes a second to import, which only this needs.
    from help_core.plots.canvas import shorten
    from help_core.search.plot import FrontLabels, Winners, plot_front

    picks = [pick for pick in answer.picks if pick.accuracy_percent is not None]
    if not picks:
        raise BadInput(f"{answer.space} has no accuracy source, so there is no front to draw")
    measured = [
        pick.predicted_ms if pick.measured_ms is None else pick.measured_ms for pick in picks
    ]
    winners = Winners(
        measured_ms=np.array(measured),
        interval_low_ms=np.array([pick.low_ms for pick in picks]),
        interval_high_ms=np.array([pick.high_ms for pick in picks]),
        accuracy_percent=np.array([pick.accuracy_percent for pick in picks], dtype=np.float64),
        is_measured=np.array([pick.measured_ms is not None for pick in picks]),
    )
    labels = FrontLabels(
        title=f"{answer.space} on {shorten(answer.device)}",
        subtitle=_subtitle(answer),
        latency=f"Latency on {answer.device} (ms)",
        accuracy="Accuracy (%), " + answer.accuracy_source,
    )
    with writing(path):
        plot_front(
            path,
            np.array([point.latency_ms for point in answer.cloud]),
            np.array([point.accuracy_percent for point in answer.cloud]),
            winners,
            _limits_ms(answer),
            labels,
        )


def draw_calibration(calibration: Calibration, path: Path) -> None:
    """Writes a .png or .svg; raises ``BadInput`` where nothing is there to compare."""
    from help_core.plots.calibration import plot_calibration

    with writing(path):
        plot_calibration(path, calibration)


def draw_embedding(embedding: Embedding, path: Path) -> None:
    """Writes a .png or .svg."""
    from help_core.plots.embedding import plot_embedding

    with writing(path):
        plot_embedding(path, embedding)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Makes the folder of a file that is written; raises ``StoreError`` where it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from None


def _subtitle(answer: Answer) -> str:
    within = " within each latency limit" if _limits_ms(answer) else ""
    text = f"The networks offered{within}. Adapted with {len(answer.support)} measurements"
    if answer.confirmations:
        return f"{text}; {len(answer.confirmations)} confirmed the winners."
    return f"{text}; the winners were not measured."


def _limits_ms(answer: Answer) -> tuple[float, ...]:
    """The limits that are met, each once."""
    met = (outcome.limit_ms for outcome in answer.limits if outcome.met)
    return tuple(dict.fromkeys(limit for limit in met if limit is not None))
