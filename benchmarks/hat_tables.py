"""HAT's latency tables as the commands of this folder use them: a device for each file.

``measured_space`` has all choices that HAT measured, so that every row is a network with the
very features of the file. A board is left out with all its tables, whatever their task.
"""

from __future__ import annotations

from pathlib import Path

from help_core.spaces.hat import TASKS, Hat
from help_core.spaces.hat.task import as_measured
from help_core.tables.latency import LatencyTable

BOARDS = ("raspberrypi", "xeon", "titanxp")
TASKS_ON_ALL_BOARDS = ("wmt14ende", "wmt14enfr")
HAT_SPACES = ("hat", "hat-beam4", "hat-wmt14-enfr", "hat-wmt19", "hat-iwslt14")
BEAM = 5
"""fairseq's default, with which HAT measured."""


def measured_space() -> Hat:
    """WMT14 En-De with the choices of HAT's measurements."""
    return Hat("hat-measured", task=as_measured(TASKS["wmt14.en-de"]), beam=BEAM)


def hat_folder(data: Path) -> Path:
    """Where the files lie in the reference data."""
    return data / "hat"


def without(table: LatencyTable, board: str) -> tuple[str, ...]:
    """The devices of all other boards."""
    return tuple(device for device in table.devices if not device.startswith(f"{board}_"))


def of(table: LatencyTable, board: str) -> tuple[str, ...]:
    """The devices of a board."""
    return tuple(device for device in table.devices if device.startswith(f"{board}_"))
