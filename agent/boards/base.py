"""What every board offers its agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from help_core.records import Board, Failure, Measurement, Settings
from help_core.spaces.base import Architecture

Wanted = tuple[Architecture, Settings]


class MeasuringBoard(Protocol):
    """A board that measures architectures."""

    def describe(self) -> Board:
        """What this board is."""

    def default_settings(self) -> Settings:
        """The settings of its device if the user names none."""

    def measure(self, architecture: Architecture, settings: Settings) -> Measurement | Failure:
        """Measures one architecture; a failure has a class and is never a number."""

    def measure_batch(self, wanted: Sequence[Wanted]) -> list[Measurement | Failure]:
        """Measures several, interleaved where that helps; outcomes in the same order."""

    def interrupt(self) -> None:
        """Makes a running measurement in another thread end soon, with failures."""
