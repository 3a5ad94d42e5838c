"""A small fleet that is done harm to, and the count of what came through."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from benchmarks.fleet_agents import architectures
from coordinator.store import JobOrder, open_store
from coordinator.store.engine import make_engine
from coordinator.store.tables import devices, jobs, reports
from help_core.errors import StoreError, TimedOut
from help_core.records import JobState, Purpose


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the reports of an experiment."""

    sent: int
    """Put on disk by agents."""
    acknowledged: int
    stored: int
    """Reports in the store, stale ones too."""
    stale: int
    lost: int
    """Acknowledged and not in the store."""
    duplicate: int
    """Reports stored twice, or jobs with two results that count."""
    merged_stale: int
    """Reports that count although their lease had passed on: never."""
    unfinished: int
    """Jobs without a result in the end."""
    expired: int
    """Attempts beyond the first: leases that ended without a report."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Waits until the condition holds; raises ``TimedOut``."""
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            raise TimedOut(f"{what} did not happen within {timeout_s:.0f} s")
        time.sleep(0.02)


class Lab:
    """Coordinators on one store and agents, each a process of its own."""

    def __init__(self, folder: Path, url: str, *, lease_s: float) -> None:
        self.folder = folder
        self.url = url
        self.lease_s = lease_s
        self._processes: list[subprocess.Popen[bytes]] = []
        self.agents: list[subprocess.Popen[bytes]] = []
        self._notes: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def start(self, *command: str, log: str, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """A Python module in a process of its own, whose output goes to a file."""
        with (self.folder / log).open("ab") as file:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", *command], stdout=file, stderr=file
            )
        self._processes.append(process)
        return process

    def coordinator(
        self, port: int, module: str = "coordinator.main", *more: str
    ) -> subprocess.Popen[bytes]:
        """Starts a coordinator."""
        command = [module, "serve", "--listen", f"127.0.0.1:{port}", "--store", self.url]
        command += ["--lease-s", str(self.lease_s), *more]
        return self.start(*command, log=f"coordinator-{port}.log")

    def agent(
        self, port: int, name: str, delay_s: float = 0.02, state: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts an agent; again with the same name, it goes on with its spool."""
        return self.play(f"127.0.0.1:{port}", name, delay_s, state)

    def play(
        self,
        address: str,
        name: str,
        delay_s: float,
        state: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        """An agent that notes what it sent and what was acknowledged in a folder of its name."""
        notes = self.folder / name
        notes.mkdir(exist_ok=True)
        if notes not in self._notes:
            self._notes.append(notes)
        command = ["benchmarks.fault_agent", address, name, str(state or notes), str(notes)]
        command += ["--delay-s", str(delay_s)]
        process = self.start(*command, log=f"{name}.log", prefix=prefix)
        self.agents.append(process)
        return process

    def keep_busy(self, names: Sequence[str], count: int) -> None:
        """Queues ``count`` more jobs for each device whose work runs out."""
        for name in names:
            if self.open_jobs(name) < 50:
                self.enqueue([name], count)

    def enqueue(self, names: Sequence[str], count: int) -> None:
        """Jobs for devices, once their agents have registered."""
        wait_for(lambda: self._registered() >= set(names), 60, "registration")
        store = open_store(self.url)
        known = architectures()
        for name in names:
            store.enqueue(
                [JobOrder(name, known[n % len(known)], Purpose.COLLECT) for n in range(count)]
            )
        store.close()

    def _registered(self) -> set[str]:
        return set(self._scalars(sa.select(devices.c.name)))

    def _scalars(self, query: sa.Select[Any]) -> list[str]:
        engine = make_engine(self.url)
        try:
            with engine.connect().execution_options(help_write=False) as connection:
                return [str(value) for value in connection.execute(query).scalars()]
        except (sa.exc.SQLAlchemyError, StoreError):
            return []
        finally:
            engine.dispose()

    def stored(self) -> int:
        """How many reports are stored; 0 also while the store cannot be read."""
        found = self._scalars(sa.select(sa.cast(sa.func.count(reports.c.id), sa.String)))
        return int(found[0]) if found else 0

    def leased(self) -> int:
        """How many jobs are being made."""
        query = sa.select(jobs.c.architecture).where(jobs.c.state == JobState.LEASED)
        return len(self._scalars(query))

    def leases_of(self, device: str) -> set[str]:
        """The leases that are held for a device, by job and token."""
        pair = sa.cast(jobs.c.id, sa.String) + "/" + sa.cast(jobs.c.token, sa.String)
        query = sa.select(pair).where(jobs.c.device == device, jobs.c.state == JobState.LEASED)
        return set(self._scalars(query))

    def open_jobs(self, device: str = "") -> int:
        """How many jobs have no result yet; -1 while the store cannot be read."""
        query = sa.select(sa.cast(sa.func.count(jobs.c.id), sa.String)).where(
            jobs.c.state.in_([JobState.QUEUED, JobState.LEASED])
        )
        if device:
            query = query.where(jobs.c.device == device)
        found = self._scalars(query)
        return int(found[0]) if found else -1

    def finish(self, timeout_s: float = 120.0) -> None:
        """Waits until every job has ended and every spool is empty."""
        wait_for(lambda: self.open_jobs() == 0, timeout_s, "the end of all jobs")
        wait_for(lambda: self._keys("sent") <= self._keys("acknowledged"), 60, "acknowledgement")

    def _keys(self, name: str) -> set[str]:
        files = (folder / name for folder in self._notes)
        return {key for file in files if file.exists() for key in file.read_text().split()}

    def counts(self) -> Counts:
        """What came through, by the agents' own notes and the store."""
        acknowledged = self._keys("acknowledged")
        # An agent that dies between the spool and its note of it has spooled all the same.
        sent = self._keys("sent") | acknowledged
        engine = make_engine(self.url)
        with engine.connect().execution_options(help_write=False) as connection:
            stored = connection.execute(
                sa.select(reports.c.key, reports.c.job_id, reports.c.token, reports.c.stale)
            ).all()
            states = connection.execute(
                sa.select(jobs.c.id, jobs.c.state, jobs.c.attempts, jobs.c.token)
            ).all()
        engine.dispose()
        keys = Counter(row.key for row in stored)
        counted = Counter(row.job_id for row in stored if not row.stale)
        # A job's token grows with each lease, so that only the last lease has it.
        tokens = {row.id: row.token for row in states}
        return Counts(
            sent=len(sent),
            acknowledged=len(acknowledged),
            stored=len(stored),
            stale=sum(row.stale for row in stored),
            lost=len(acknowledged - set(keys)),
            duplicate=sum(count - 1 for count in keys.values())
            + sum(count - 1 for count in counted.values()),
            merged_stale=sum(not row.stale and row.token != tokens[row.job_id] for row in stored),
            unfinished=sum(row.state != JobState.DONE for row in states)
            + sum(row.state == JobState.DONE and not counted[row.id] for row in states),
            expired=sum(max(row.attempts - 1, 0) for row in states),
        )


def kill(process: subprocess.Popen[bytes]) -> None:
    """``kill -9`` of one process, and waits for its end."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
