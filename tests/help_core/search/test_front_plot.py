import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from help_core.arrays import FloatArray
from help_core.errors import BadInput
from help_core.search.plot import FrontLabels, Winners, plot_front

LABELS = FrontLabels("A title & more", "nasbench201 on a device")
NONE = np.empty(0)
NOBODY = Winners(NONE, NONE, NONE, NONE)


@pytest.fixture
def cloud() -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(0)
    latency = rng.uniform(2.0, 30.0, 300)
    accuracy = 75.0 - 20.0 / latency - rng.exponential(4.0, 300)
    accuracy[0] = np.nan
    return latency, accuracy


def winners_of(latency: FloatArray, accuracy: FloatArray) -> Winners:
    best = [int(np.nanargmax(np.where(latency <= limit, accuracy, np.nan))) for limit in (9, 20)]
    measured = latency[best]
    return Winners(measured, measured * 0.9, measured * 1.1, accuracy[best])


def test_png_holds_a_picture_of_a_readable_size(
    tmp_path: Path, cloud: tuple[FloatArray, FloatArray]
) -> None:
    path = tmp_path / "front.png"
    plot_front(path, *cloud, winners_of(*cloud), (9.0, 20.0), LABELS)
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width > 1200
    assert height > 700


def test_svg_is_a_picture_without_the_day_of_drawing(
    tmp_path: Path, cloud: tuple[FloatArray, FloatArray]
) -> None:
    path = tmp_path / "front.SVG"
    plot_front(path, *cloud, winners_of(*cloud), (9.0, 20.0), LABELS)
    text = path.read_text(encoding="utf-8")
    assert text.rstrip().endswith("</svg>")
    assert "dc:date" not in text


def test_draws_a_front_without_winners_and_limits(
    tmp_path: Path, cloud: tuple[FloatArray, FloatArray]
) -> None:
    plot_front(tmp_path / "front.png", *cloud, NOBODY, (), LABELS)
    assert (tmp_path / "front.png").stat().st_size > 10_000


@pytest.mark.parametrize("measured", [True, False])
def test_what_was_not_measured_is_not_said_to_be(
    tmp_path: Path, cloud: tuple[FloatArray, FloatArray], measured: bool
) -> None:
    path = tmp_path / "front.svg"
    winners = replace(winners_of(*cloud), is_measured=np.array([measured, measured]))
    plot_front(path, *cloud, winners, (9.0, 20.0), LABELS)
    assert ("Measured on the device" in path.read_text()) is measured
    assert ("Offered, not measured" in path.read_text()) is not measured


def test_draws_a_single_architecture(tmp_path: Path) -> None:
    plot_front(tmp_path / "one.png", np.array([3.0]), np.array([70.0]), NOBODY, (), LABELS)
    assert (tmp_path / "one.png").exists()


@pytest.mark.parametrize("name", ["front.pdf", "front"])
def test_refuses_another_suffix_and_names_the_known_ones(
    tmp_path: Path, name: str, cloud: tuple[FloatArray, FloatArray]
) -> None:
    with pytest.raises(BadInput, match=r"\.png or \.svg"):
        plot_front(tmp_path / name, *cloud, NOBODY, (), LABELS)
    assert list(tmp_path.iterdir()) == []


def test_refuses_to_draw_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no architecture has both"):
        plot_front(tmp_path / "a.png", np.array([np.nan]), np.array([70.0]), NOBODY, (), LABELS)


def test_a_picture_that_fails_leaves_the_old_one_and_no_litter(
    tmp_path: Path, cloud: tuple[FloatArray, FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "front.png"
    path.write_bytes(b"old")

    def full_disk(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full_disk)
    with pytest.raises(OSError, match="no space left"):
        plot_front(path, *cloud, NOBODY, (), LABELS)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
