"""Leases jobs, measures those of a lease together and spools what came of them."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from agent.backoff import Backoff
from agent.boards.base import MeasuringBoard, Wanted
from agent.link import Link
from agent.models import ModelFetcher
from agent.spool import Spool
from help_core.errors import (
    BadInput,
    Conflict,
    Forbidden,
    HelpError,
    Incompatible,
    NotFound,
    StoreError,
    Unauthenticated,
)
from help_core.records import (
    Device,
    Failure,
    FailureClass,
    LeasedJob,
    LeaseRef,
    Measurement,
    Report,
)
from help_core.spaces import parse_architecture

log = logging.getLogger(__name__)

LEASE_WAIT_S = 20.0
JOBS_PER_LEASE = 4
FATAL = (BadInput, Conflict, Incompatible, Unauthenticated, Forbidden)
"""What no waiting mends: another process holds the name, the versions differ, or the agent was
revoked."""


class Worker:
    """Serves devices of one board until told to stop."""

    def __init__(
        self,
        link: Link,
        board: MeasuringBoard,
        devices: Mapping[str, Device],
        spool: Spool,
        stop: threading.Event,
        backoff: Backoff,
        models: ModelFetcher,
        wall_clock_s: Callable[[], float],
        ready: Callable[[float], bool] = lambda _wait_s: True,
    ) -> None:
        """``ready`` tells whether the board can take work; it waits a while (s) if not."""
        self._link = link
        self._board = board
        self._devices = devices
        self._spool = spool
        self._stop = stop
        self._backoff = backoff
        self._models = models
        self._wall_clock_s = wall_clock_s
        self._ready = ready
        self._lock = threading.Lock()
        self._leases: set[LeaseRef] = set()
        self._away = False

    def run(self) -> None:
        """Registers, then works until told to stop; reconnects after errors of the link.

        Raises errors that no waiting mends.
        """
        while not self._stop.is_set():
            try:
                self._serve()
            except FATAL:
                raise
            except HelpError as error:
                log.warning("%s", error)
                # What was leased and not yet measured would otherwise be renewed for ever.
                self.give_back()
                self._stop.wait(self._backoff.next_s())

    def give_back(self) -> None:
        """Releases every lease that is held, as far as the coordinator can be reached."""
        with self._lock:
            leases = sorted(self._leases, key=lambda ref: ref.job_id)
            self._leases.clear()
        if leases:
            try:
                self._link.release(leases)
            except HelpError as error:
                log.warning("leases will run out by themselves: %s", error)

    def _serve(self) -> None:
        heartbeat_s = self._register()
        self._backoff.reset()
        log.info("connected to %s as %s", self._link.address, ", ".join(self._devices))
        done = threading.Event()
        beat = threading.Thread(
            target=self._keep_leases, args=(done, heartbeat_s), name="heartbeat", daemon=True
        )
        beat.start()
        try:
            while not self._stop.is_set():
                if not (self._has_room() and self._board_is_there()):
                    continue
                jobs = self._link.lease(list(self._devices), JOBS_PER_LEASE, LEASE_WAIT_S)
                with self._lock:
                    self._leases.update(job.ref for job in jobs)
                self._work(jobs)
        finally:
            done.set()
            beat.join()

    def _register(self) -> float:
        """Offers the devices as they are now; returns how often to send a heartbeat, in s."""
        offered = [replace(device, away=self._away) for device in self._devices.values()]
        return self._link.register(offered)[1]

    def _board_is_there(self) -> bool:
        """The coordinator is told when the board goes and comes back; waits while it is away."""
        away = not self._ready(LEASE_WAIT_S if self._away else 0.0)
        if away != self._away and not self._stop.is_set():
            self._away = away
            self._register()
        return not away

    def _has_room(self) -> bool:
        """Whether new work may be taken; waits a while if the spool is full."""
        if self._spool.full:
            log.error(
                "the spool is full with %d report(s) that the coordinator has not acknowledged;"
                " no new work is taken until there is room",
                len(self._spool),
            )
            return self._spool.wait_for_room(LEASE_WAIT_S)
        return True

    def _keep_leases(self, done: threading.Event, heartbeat_s: float) -> None:
        while not done.wait(heartbeat_s):
            with self._lock:
                leases = sorted(self._leases, key=lambda ref: ref.job_id)
            try:
                lost = self._link.heartbeat(leases)
            except HelpError as error:
                # The lease outlives two missed heartbeats; the main loop deals with the link.
                log.warning("heartbeat missed: %s", error)
                continue
            with self._lock:
                self._leases.difference_update(lost)

    def _work(self, jobs: Sequence[LeasedJob]) -> None:
        """Measures the jobs of one lease together: their processes are interleaved."""
        if self._stop.is_set():
            return
        for job, outcome in self._measure(jobs):
            # A result whose lease was lost meanwhile is sent too: the coordinator keeps it, marked.
            if self._stop.is_set() and isinstance(outcome, Failure):
                # The measurement was interrupted by the stop; the lease is given back instead.
                continue
            report = Report(
                key=uuid.uuid4().hex,
                job_id=job.job_id,
                token=job.token,
                measured_unix_s=self._wall_clock_s(),
                outcome=outcome,
            )
            if self._keep(report):
                with self._lock:
                    self._leases.discard(job.ref)

    def _keep(self, report: Report) -> bool:
        """Spools a report, waiting as long as the disk is full; false if told to stop first.

        Its lease is kept meanwhile and given back at a stop, so the job is not lost.
        """
        while True:
            try:
                self._spool.put(report)
            except StoreError as error:
                log.error("%s; trying again", error)
                if self._stop.wait(self._backoff.next_s()):
                    return False
            else:
                self._backoff.reset()
                return True

    def _measure(self, jobs: Sequence[LeasedJob]) -> list[tuple[LeasedJob, Measurement | Failure]]:
        refused: list[tuple[LeasedJob, Measurement | Failure]] = []
        accepted: list[tuple[LeasedJob, Wanted]] = []
        for job in jobs:
            device = self._devices.get(job.device)
            if device is None:
                message = f"this agent serves no device {job.device!r}"
                refused.append((job, Failure(FailureClass.NO_DATA, message)))
                continue
            try:
                architecture = parse_architecture(job.architecture)
                self._models.fetch(architecture)
                accepted.append((job, (architecture, device.settings)))
            except (BadInput, NotFound) as error:
                refused.append((job, Failure(FailureClass.BAD_MODEL, str(error))))
        outcomes = self._board.measure_batch([wanted for _, wanted in accepted])
        done = [*refused, *zip([job for job, _ in accepted], outcomes, strict=True)]
        for job, outcome in done:
            _log(job, outcome)
        return done


def _log(job: LeasedJob, outcome: Measurement | Failure) -> None:
    if isinstance(outcome, Failure):
        log.warning("%s: %s: %s", job.architecture, outcome.failure_class, outcome.message)
        return
    verdict = " ".join([outcome.verdict, *outcome.reasons])
    log.info("%s: %.3f ms (%s)", job.architecture, outcome.summary.median_ms, verdict)
