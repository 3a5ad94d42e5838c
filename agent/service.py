"""Runs an agent until a signal: the threads, and the order in which they end."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

from agent.boards.base import MeasuringBoard
from agent.link import Link
from agent.notify import ServiceManager
from agent.spool import Spool
from agent.uplink import Uplink
from agent.worker import Worker

log = logging.getLogger(__name__)

FLUSH_S = 5.0
"""How long a stopping agent waits for the coordinator to acknowledge what it measured."""


class _Stopped(BaseException):
    """Raised in the main thread by SIGINT or SIGTERM."""


@dataclass(frozen=True, slots=True)
class Station:
    """A board with the worker that serves it and that worker's link."""

    worker: Worker
    board: MeasuringBoard
    link: Link


class _WorkerThread(threading.Thread):
    def __init__(self, worker: Worker, ended: threading.Event) -> None:
        super().__init__(name="worker", daemon=True)
        self._worker = worker
        self._ended = ended
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._worker.run()
        except Exception as error:
            self.error = error
        finally:
            self._ended.set()


def serve_stations(
    stations: Sequence[Station],
    uplink: Uplink,
    link: Link,
    spool: Spool,
    stop: threading.Event,
) -> None:
    """Works until SIGINT or SIGTERM, then gives leases back and delivers what is spooled.

    Raises the error of a worker if one ended it. A second signal ends the process at once.
    """
    ended = threading.Event()
    threads = [_WorkerThread(station.worker, ended) for station in stations]
    uplink.start()
    for thread in threads:
        thread.start()
    manager = ServiceManager()
    manager.ready()
    _wait(ended, manager)
    manager.stopping()
    stop.set()
    for station in stations:
        station.board.interrupt()
        station.link.stop_waiting()
    for thread in threads:
        thread.join()
    for station in stations:
        station.worker.give_back()
    error = next((thread.error for thread in threads if thread.error is not None), None)
    if not spool.wait_until_empty(FLUSH_S if error is None else 0):
        log.warning("%d report(s) stay in the spool; the next start delivers them", len(spool))
    link.close()
    uplink.join(FLUSH_S)
    if error is not None:
        raise error


def _wait(ended: threading.Event, manager: ServiceManager) -> None:
    """Until a worker ends or a signal comes; the manager hears that the agent lives."""

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise _Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        while not ended.is_set():
            manager.alive()
            ended.wait(manager.ping_every_s)
    except _Stopped:
        log.info("stopping: giving leases back")
