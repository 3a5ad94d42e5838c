"""Puts an agent together around the boards that it serves, and runs it until a signal."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.backoff import Backoff
from agent.boards.base import MeasuringBoard
from agent.enroll_command import credentials_for
from agent.enrolment import Renewal
from agent.link import Link
from agent.models import CachedModels, ModelCache, ModelFetcher
from agent.own_files import limits_for
from agent.service import Station, serve_stations
from agent.spool import Spool
from agent.uplink import Uplink
from agent.worker import Worker
from help_core.records import Device, Settings


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """What a person says about the agent."""

    coordinator: str
    device: str
    settings: Settings
    state_dir: Path | None
    spool_mb: int
    allow_domain: Sequence[str]


@dataclass(frozen=True, slots=True)
class Served:
    """A board, and the device that it is."""

    device: Device
    board: MeasuringBoard
    ready: Callable[[float], bool] = lambda _wait_s: True
    """See ``Worker``."""


def users_models(folder: Path, agent: AgentOptions) -> CachedModels:
    """The space of users' models, as far as this agent has fetched them into its folder."""
    return CachedModels(_cache(folder), limits_for(agent.allow_domain))


def serve_boards(
    boards: Sequence[Served], agent: AgentOptions, folder: Path, agent_id: str
) -> None:
    """Serves boards until a signal, each by a worker of its own.

    Identity, spool and delivery are shared, and lie in ``folder``.
    """
    files, held, address = credentials_for(folder, agent_id, agent.coordinator)
    link = Link(address, agent_id, held.channel() if held else None)
    spool = Spool(folder / "spool.sqlite", agent.spool_mb * 2**20)
    stop = threading.Event()
    stations = [_station(one, link.sibling(), spool, stop, _cache(folder)) for one in boards]
    if held is not None:
        Renewal(files, held, link, stop, time.time).start()
    uplink = Uplink(link, spool, stop, Backoff(random.Random()))
    serve_stations(stations, uplink, link, spool, stop)


def _cache(folder: Path) -> ModelCache:
    return ModelCache(folder / "models")


def _station(
    served: Served, link: Link, spool: Spool, stop: threading.Event, cache: ModelCache
) -> Station:
    worker = Worker(
        link,
        served.board,
        {served.device.name: served.device},
        spool,
        stop,
        Backoff(random.Random()),
        ModelFetcher(link, cache, stop, Backoff(random.Random())),
        time.time,
        served.ready,
    )
    return Station(worker, served.board, link)
