"""A board as a user's module would hold it."""

from __future__ import annotations

from agent.boards.replay import ReplayBoard
from help_core.records import Board, Settings


class Rig(ReplayBoard):
    def __init__(self) -> None:
        super().__init__({}, "nothing")

    def describe(self) -> Board:
        return Board(kind="rig", model="made up")

    def default_settings(self) -> Settings:
        return Settings(runtime="rig", provider="core0")
