"""Which kind a machine is: what ``--board auto`` finds out."""

from __future__ import annotations

from collections.abc import Sequence

from agent.conditions.kinds.base import BoardKind, Linux
from agent.conditions.kinds.jetson import Jetson
from agent.conditions.kinds.linux import ArmLinux, X86Linux
from agent.conditions.kinds.macos import MacOs
from agent.conditions.kinds.raspberry_pi import RaspberryPi
from agent.conditions.system import System

ENTRY_POINTS = "help_fleet.board_kinds"


def known_kinds() -> Sequence[BoardKind]:
    """Installed plug-ins first, then the built-in ones from the special to the general."""
    from importlib.metadata import entry_points

    plugged = [found.load()() for found in entry_points(group=ENTRY_POINTS)]
    return (*plugged, Jetson(), RaspberryPi(), MacOs(), ArmLinux(), X86Linux())


def find_kind(system: System, kinds: Sequence[BoardKind] | None = None) -> BoardKind:
    """The first kind that recognises this machine; plain Linux rules if none does."""
    candidates = known_kinds() if kinds is None else kinds
    return next((kind for kind in candidates if kind.recognises(system)), Linux())
