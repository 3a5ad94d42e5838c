"""The fleet a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coordinator.store import SqlStore
from coordinator.store.views import Glance
from help_core.records import Device

DEVICES_A_PAGE = 25
MAX_PAGE = 1_000_000


class Presence(StrEnum):
    """Which devices are asked for."""

    ALL = "all"
    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class FleetPage:
    """Some devices, and how many there are."""

    glances: list[Glance]
    matching: int
    devices: int
    online: int
    boards: int
    agents: int


def fleet_page(
    store: SqlStore, now_s: float, text: str, presence: Presence, offset: int, limit: int
) -> FleetPage:
    """Devices by name, of those whose name, board or provider holds ``text``."""
    every = store.devices(now_s)
    matching = [one for one in every if _matches(one, text.casefold().strip(), presence)]
    names = [one.name for one in matching[offset : offset + limit]]
    return FleetPage(
        glances=store.views.glances(names, now_s),
        matching=len(matching),
        devices=len(every),
        online=sum(one.online for one in every),
        boards=len({(one.agent_id, one.board.kind, one.board.model) for one in every}),
        agents=len({one.agent_id for one in every}),
    )


def _matches(device: Device, text: str, presence: Presence) -> bool:
    if presence is not Presence.ALL and device.online != (presence is Presence.ONLINE):
        return False
    board, settings = device.board, device.settings
    words = (device.name, board.kind, board.model, board.processor, settings.provider)
    return not text or any(text in word.casefold() for word in words)
