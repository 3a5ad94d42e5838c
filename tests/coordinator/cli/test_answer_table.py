"""An answer on consoles of several widths: whole numbers, or no column."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.cli.answer_table import show_answer
from help_core.records import Answer, Pick, PickOnDevice
from tests.answers import make_answer

LONG = Pick(
    limit_ms=1234.5,
    architecture="nasbench201:|none~0|",
    predicted_ms=1.23e-4,
    low_ms=1.18e-4,
    high_ms=1.31e-4,
    measured_ms=1.27e-4,
    accuracy_percent=73.25,
    parameters=1_531_000,
    multiply_adds=220_130_000,
    devices=(PickOnDevice("board", 1.0, 1.0, 1.0, memory_mib=118.0, energy_mj=0.0123),),
)


def shown(answer: Answer, width: int, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        show_answer(answer)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("width", "here", "missing"),
    [
        (60, ["0.000123", "0.000127", "73.2"], ["params", "MACs", "interval"]),
        (80, ["0.000123", "0.000127", "73.2", "118", "0.0123"], ["params", "interval"]),
        (100, ["0.000118-0.000131", "0.000127", "220.1", "118", "0.0123"], ["params"]),
        (120, ["0.000118-0.000131", "1.531", "220.1", "118", "0.0123"], []),
    ],
)
def test_what_has_no_room_is_left_out_whole_and_named(
    width: int, here: list[str], missing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    table = shown(replace(make_answer(), picks=(LONG,)), width, capsys)
    assert "…" not in table
    assert [word for word in here if word not in table] == []
    named = table.partition("no room for ")[2].partition(";")[0]
    assert [word for word in missing if word not in named] == []
    assert bool(named) == bool(missing)


def test_the_usual_answer_has_all_its_columns_at_80(capsys: pytest.CaptureFixture[str]) -> None:
    table = shown(make_answer(), 80, capsys)
    for word in ("limit", "predicted", "interval", "measured", "accuracy", "params", "MACs"):
        assert word in table
    assert "no room" not in table
