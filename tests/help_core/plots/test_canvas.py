from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from help_core.errors import BadInput
from help_core.plots.canvas import (
    NAME_CHARS,
    blank_figure,
    check_picture,
    log_ticks,
    save,
    shorten,
    write_head,
)


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.png.txt"])
def test_another_suffix_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(BadInput, match=r"\.png or \.svg"):
        check_picture(Path(name))


def test_a_long_name_keeps_both_of_its_ends() -> None:
    name = "rack-" + "x" * 60 + "-07"
    short = shorten(name)
    assert len(short) == NAME_CHARS
    assert short.startswith("rack-")
    assert short.endswith("-07")
    assert shorten("raspi4") == "raspi4"


@pytest.mark.parametrize("high", [1.3, 4.0, 30.0, 900.0, 2e5])
def test_a_latency_axis_has_a_readable_number_of_ticks(high: float) -> None:
    axes = Figure().add_subplot()
    axes.set_xscale("log")
    axes.set_xlim(1.0, high)
    log_ticks(axes.xaxis, 1.0, high)
    shown = [tick for tick in axes.xaxis.get_majorticklocs() if 1.0 <= tick <= high]
    assert 3 <= len(shown) <= 19


def test_words_with_dollars_are_words(tmp_path: Path) -> None:
    figure = blank_figure()
    write_head(figure, "costs $1 and $2_", "a price of $\\frac is no formula $")
    save(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_long_subtitle_stays_within_the_picture() -> None:
    figure = blank_figure()
    write_head(figure, "title", "word " * 40)
    subtitle = figure.texts[1].get_text()
    assert len(subtitle.splitlines()) == 2
    box = figure.texts[1].get_window_extent()
    assert box.x1 <= figure.bbox.x1
