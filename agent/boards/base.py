"""What every board offers its agent."""

from __future__ import annotations

from typing import Protocol

from help_core.records import Board, Failure, Measurement, Settings
from help_core.spaces.base import Architecture


class MeasuringBoard(Protocol):
    """A board that measures architectures, one at a time."""

    def describe(self) -> Board:
        """What this board is."""

    def default_settings(self) -> Settings:
        """The settings of its device if the user names none."""

    def measure(self, architecture: Architecture, settings: Settings) -> Measurement | Failure:
        """Measures one architecture; a failure has a class and is never a number."""

    def interrupt(self) -> None:
        """Makes a running ``measure`` in another thread end soon, with a failure."""
