from __future__ import annotations

from pathlib import Path

import pytest

from help_core.errors import BadInput
from help_core.plots.embedding import plot_embedding
from help_core.records import Embedding, Neighbour

RELATIVE = (0.5, 2.0, 1.0)


def made(*nearest: Neighbour, device: str = "raspi4") -> Embedding:
    names = ("nasbench201:a", "nasbench201:b", "nasbench201:c")
    return Embedding(device, "nasbench201", names, (5.0, 20.0, 10.0), RELATIVE, nearest)


def test_each_neighbour_is_named_with_its_distance(tmp_path: Path) -> None:
    path = tmp_path / "embedding.svg"
    near = [Neighbour(f"board-{n}", "fleet", 1.5 * n, RELATIVE) for n in range(5)]
    plot_embedding(path, made(*near))
    text = path.read_text(encoding="utf-8")
    for n in range(5):
        assert f"board-{n}" in text
        assert f"{1.5 * n:.1f} %, fleet" in text


def test_a_gap_of_a_neighbour_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "embedding.png"
    plot_embedding(path, made(Neighbour("other", "training", 3.0, (0.6, None, 1.2))))
    assert path.stat().st_size > 10_000


def test_a_lonely_device_is_drawn_and_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "embedding.svg"
    plot_embedding(path, made(device="a" * 64))
    text = path.read_text(encoding="utf-8")
    assert "known by the same architectures." in text
    assert "a" * 64 not in text


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\.png or \.svg"):
        plot_embedding(tmp_path / "embedding.gif", made())


def test_rows_of_other_lengths_are_no_embedding() -> None:
    with pytest.raises(BadInput, match="one figure for each"):
        made(Neighbour("other", "fleet", 1.0, (1.0, 2.0)))
