"""Boards by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.boards.choose import host_board, plugged_board, replay_board
from help_core.errors import BadInput
from help_core.records import Settings


def test_a_class_of_the_user_is_a_board_with_settings_of_its_own() -> None:
    board, settings = plugged_board("tests.agent.boards.plugged:Rig", Settings(batch_size=4))
    assert board.describe().kind == "rig"
    assert (settings.runtime, settings.batch_size) == ("rig", 4)


@pytest.mark.parametrize("name", ["nonsense", "nonsense:Rig", "tests.agent.boards.plugged:Rog"])
def test_an_unknown_board_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadInput, match="--board"):
        plugged_board(name, Settings())


def test_this_machine_keeps_the_settings() -> None:
    assert host_board(Settings(threads=2), 1)[1].threads == 2


def test_a_replay_board_needs_a_table_and_a_column(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--table"):
        replay_board(None, "x", "nasbench201", Settings())
    with pytest.raises(BadInput, match="--device"):
        replay_board(tmp_path / "t.csv", "", "nasbench201", Settings())
