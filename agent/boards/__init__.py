"""Boards: what an agent can measure on."""

from agent.boards.base import MeasuringBoard
from agent.boards.host import HostBoard
from agent.boards.replay import ReplayBoard

__all__ = ["HostBoard", "MeasuringBoard", "ReplayBoard"]
