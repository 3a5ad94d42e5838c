from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from help_core.errors import BadInput
from help_core.plots.calibration import plot_calibration
from help_core.records import Calibration, CoveragePoint, PredictedPoint


def made(count: int, device: str = "raspi4", outside: int = 0) -> Calibration:
    """Points of which the last ``outside`` are not within their intervals."""
    rng = np.random.default_rng(0)
    points = []
    for number in range(count):
        measured = float(rng.uniform(3, 60))
        shift = 2.0 if number >= count - outside else 1.05
        predicted = measured * shift
        points.append(
            PredictedPoint(
                f"nasbench201:{number}", measured, predicted, predicted * 0.8, predicted * 1.2
            )
        )
    held = 1.0 - outside / count if count else 0.0
    levels = tuple(CoveragePoint(level, held) for level in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95))
    return Calibration(
        device,
        "nasbench201",
        "transfer",
        10,
        tuple(points),
        levels if count else (),
        0.987 if count > 2 else None,
        4.25 if count else None,
    )


def words_of(path: Path) -> str:
    """Matplotlib leaves each text as a comment beside its outlines."""
    return path.read_text(encoding="utf-8")


def test_the_words_say_how_often_intervals_held(tmp_path: Path) -> None:
    path = tmp_path / "calibration.svg"
    plot_calibration(path, made(40, outside=4))
    text = words_of(path)
    assert "90 % intervals held 36 of 40 (90 %); Spearman 0.987; mean error 4.2 %" in text
    assert "within its 90 % interval (36)" in text
    assert "outside of it (4)" in text
    assert "dc:date" not in text


@pytest.mark.parametrize("count", [1, 2, 2000])
def test_few_and_many_points_are_drawn(tmp_path: Path, count: int) -> None:
    path = tmp_path / "calibration.png"
    plot_calibration(path, made(count))
    data = path.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert width > 1200
    assert height > 700


def test_a_rank_correlation_that_is_not_known_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "calibration.svg"
    plot_calibration(path, made(2))
    assert "Spearman needs 3 points" in words_of(path)


def test_a_device_with_its_support_alone_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"help-coord collect --device raspi4 --space nasbench201"):
        plot_calibration(tmp_path / "calibration.png", made(0))
    assert list(tmp_path.iterdir()) == []


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\.png or \.svg"):
        plot_calibration(tmp_path / "calibration.pdf", made(3))
