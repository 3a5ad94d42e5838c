"""Runs an agent until a signal: the threads, and the order in which they end."""

from __future__ import annotations

import logging
import signal
import threading
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


class _WorkerThread(threading.Thread):
    def __init__(self, worker: Worker) -> None:
        super().__init__(name="worker", daemon=True)
        self._worker = worker
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._worker.run()
        except Exception as error:
            self.error = error


def serve(
    worker: Worker,
    uplink: Uplink,
    board: MeasuringBoard,
    link: Link,
    spool: Spool,
    stop: threading.Event,
) -> None:
    """Works until SIGINT or SIGTERM, then gives leases back and delivers what is spooled.

    Raises the worker's error if one ended it. A second signal ends the process at once.
    """
    thread = _WorkerThread(worker)
    uplink.start()
    thread.start()
    manager = ServiceManager()
    manager.ready()
    _wait(thread, manager)
    manager.stopping()
    stop.set()
    board.interrupt()
    link.stop_waiting()
    thread.join()
    worker.give_back()
    if not spool.wait_until_empty(FLUSH_S if thread.error is None else 0):
        log.warning("%d report(s) stay in the spool; the next start delivers them", len(spool))
    link.close()
    uplink.join(FLUSH_S)
    if thread.error is not None:
        raise thread.error


def _wait(thread: threading.Thread, manager: ServiceManager) -> None:
    """Until the thread ends or a signal comes; the manager hears that the agent lives."""

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise _Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        while thread.is_alive():
            manager.alive()
            thread.join(manager.ping_every_s)
    except _Stopped:
        log.info("stopping: giving leases back")
