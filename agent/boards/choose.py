"""The board of ``help-agent run --board``: built in, installed, or a class of the user's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from agent.boards.base import MeasuringBoard
from agent.boards.host import HostBoard
from agent.boards.replay import ReplayBoard, read_column
from agent.conditions import this_machine
from help_core.errors import BadInput
from help_core.records import Settings
from help_core.spaces import get_space

ENTRY_POINT_GROUP = "help_fleet.boards"
BUILT_IN = ("auto", "android", "replay")


def host_board(settings: Settings, processes: int) -> tuple[MeasuringBoard, Settings]:
    """This machine."""
    return HostBoard(processes=processes, system=this_machine()), settings


def replay_board(
    table: Path | None, column: str, space: str, settings: Settings
) -> tuple[MeasuringBoard, Settings]:
    """A latency table in place of a board; raises ``BadInput`` or ``BadTable``."""
    if table is None:
        raise BadInput("--board replay needs --table FILE, a latency table to answer from")
    if not column:
        raise BadInput("--board replay needs --device NAME, the column of the table to replay")
    replay = ReplayBoard(read_column(table, get_space(space), column), table.name)
    return replay, _with_usual(settings, replay)


def plugged_board(name: str, settings: Settings) -> tuple[MeasuringBoard, Settings]:
    """A board by entry point, or ``module:Class``; what it names is called without arguments.

    Raises ``BadInput`` with the names that exist.
    """
    board = _plug(name)()
    return board, _with_usual(settings, board)


def _plug(name: str) -> Callable[[], MeasuringBoard]:
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        installed: Callable[[], MeasuringBoard] = point.load()
        return installed
    module, colon, attribute = name.partition(":")
    if not colon:
        known = [*BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))]
        raise BadInput(f"--board {name!r} is unknown; use {', '.join(known)} or module:Class")
    try:
        found: Callable[[], MeasuringBoard] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"--board {name!r} cannot be imported ({error})") from None
    return found


def _with_usual(settings: Settings, board: MeasuringBoard) -> Settings:
    """What such a board runs models with is its own; the rest is the user's."""
    usual = board.default_settings()
    return replace(settings, runtime=usual.runtime, provider=usual.provider)
