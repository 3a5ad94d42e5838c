"""What a fleet of N boards asks of one coordinator: ``python benchmarks/scale.py``.

Fills a store with N devices, each with finished, leased and queued jobs, times what a
coordinator does in it, and works out from that how much of a core each kind of work takes
when every board measures. The time is that of the processor, so that other load does not show.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.fleet_agents import agent_id, architectures, device_name
from coordinator.housekeeping import COUNT_EVERY, TICK_S
from coordinator.store import Delivery, SqlStore, open_store
from coordinator.store.engine import make_engine
from coordinator.store.tables import agents, devices, jobs
from coordinator.usecases.agents import HEARTBEATS_PER_LEASE, LEASE_S
from help_core.records import (
    JobState,
    LeasedJob,
    LeaseRef,
    Measurement,
    Purpose,
    Report,
    Summary,
    Verdict,
)
from help_proto.console import print_json, run_cli

CHUNK = 20_000
STATES = (JobState.DONE, JobState.LEASED, JobState.QUEUED, JobState.QUEUED)
"""The jobs that each device has."""
SAMPLES = 30
BATCH = 1000
"""Reports of one transaction, as the recorder gathers them under load."""
SECONDS_A_YEAR = 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor time of one of each, in ms."""

    lease_ms: float
    report_ms: float
    heartbeat_ms: float
    tick_ms: float
    """Of housekeeping: leases that ended, devices with work."""
    count_ms: float
    """Of housekeeping: jobs by state, devices that are online."""
    list_devices_ms: float


@dataclass(frozen=True, slots=True)
class Demand:
    """Cores that a fleet keeps busy in the store when every board measures."""

    boards: int
    measurements_per_s: float
    costs: Costs
    report_cores: float
    lease_cores: float
    heartbeat_cores: float
    housekeeping_cores: float
    store_mib: float
    """With one report for each board."""
    growth_gib_a_year: float


def run(
    boards: Annotated[list[int] | None, typer.Option(help="May be repeated.")] = None,
    store: Annotated[str, typer.Option(help="URL of an empty database; by default SQLite.")] = "",
    each_s: Annotated[float, typer.Option(help="From one measurement of a board to the next.")] = (
        60.0
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fills a store for each number of boards and works out what they ask for."""
    found: list[Demand] = []
    for count in boards or [1000, 10_000, 100_000]:
        with tempfile.TemporaryDirectory(prefix="help-scale-") as folder:
            path = Path(folder) / "scale.db"
            found.append(_demand(store or str(path), path, count, each_s))
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        _show(found, each_s)


def _demand(url: str, path: Path, boards: int, each_s: float) -> Demand:
    store = open_store(url)
    try:
        _fill(url, boards)
        before = _size(url, path)
        costs, reports = _costs(store, boards)
        bytes_each = (_size(url, path) - before) / reports
    finally:
        store.close()
    per_s = boards / each_s
    ticks_per_s = 1 / TICK_S
    return Demand(
        boards=boards,
        measurements_per_s=per_s,
        costs=costs,
        report_cores=per_s * costs.report_ms / 1e3,
        lease_cores=per_s * costs.lease_ms / 1e3,
        heartbeat_cores=boards * HEARTBEATS_PER_LEASE / LEASE_S * costs.heartbeat_ms / 1e3,
        housekeeping_cores=ticks_per_s * (costs.tick_ms + costs.count_ms / COUNT_EVERY) / 1e3,
        store_mib=before / 2**20 + boards * bytes_each / 2**20,
        growth_gib_a_year=per_s * SECONDS_A_YEAR * bytes_each / 2**30,
    )


def _size(url: str, path: Path) -> int:
    """Of an SQLite file whose log has been copied into it; 0 for a database elsewhere."""
    if not path.exists():
        return 0
    engine = make_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path.stat().st_size


def _fill(url: str, boards: int) -> None:
    engine = make_engine(url)
    for first in range(0, boards, CHUNK):
        numbers = range(first, min(first + CHUNK, boards))
        with engine.connect() as connection, connection.begin():
            connection.execute(agents.insert(), [_agent(number) for number in numbers])
            connection.execute(devices.insert(), [_device(number) for number in numbers])
            connection.execute(jobs.insert(), list(_jobs(numbers)))
    engine.dispose()


def _agent(number: int) -> dict[str, Any]:
    return {"id": agent_id(number), "version": "0.1.0", "last_seen_s": 0.0}


def _device(number: int) -> dict[str, Any]:
    return {
        "name": device_name(number),
        "agent_id": agent_id(number),
        "board": {"kind": "replay"},
        "settings": {"runtime": "replay"},
        "labels": {},
    }


def _jobs(numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    names = itertools.cycle(architectures())
    for number in numbers:
        for state in STATES:
            leased = state is JobState.LEASED
            yield {
                "device": device_name(number),
                "architecture": next(names),
                "purpose": Purpose.COLLECT,
                "collection": "everything",
                "priority": 0,
                "state": state,
                "attempts": int(leased),
                "token": int(leased),
                "agent_id": agent_id(number) if leased else "",
                "lease_until_s": 1e12 if leased else None,
                "error": "",
            }


def _costs(store: SqlStore, boards: int) -> tuple[Costs, int]:
    """The costs, and how many reports were stored to find them."""
    every = max(1, boards // BATCH)
    chosen = list(range(0, boards, every))[:BATCH]
    leased: dict[int, LeasedJob] = {}

    def lease() -> None:
        for number in chosen:
            (leased[number],) = store.lease(agent_id(number), [device_name(number)], 1, 0.0, 1e12)

    def heartbeat() -> None:
        for number, job in leased.items():
            store.renew(agent_id(number), [LeaseRef(job.job_id, job.token)], 0.0, 1e12)

    lease_ms = _ms(lease) / len(chosen)
    heartbeat_ms = _ms(heartbeat) / len(chosen)
    deliveries = [Delivery(agent_id(number), _report(job)) for number, job in leased.items()]
    report_ms = _ms(lambda: store.record_all(deliveries, 0.0)) / len(deliveries)
    costs = Costs(
        lease_ms=lease_ms,
        report_ms=report_ms,
        heartbeat_ms=heartbeat_ms,
        tick_ms=_ms(lambda: (store.expire(0.0), store.devices_with_work())),
        count_ms=_ms(lambda: (store.job_counts(), store.devices(0.0))),
        list_devices_ms=_ms(lambda: store.device_statuses(0.0)),
    )
    return costs, len(deliveries)


def _report(job: LeasedJob) -> Report:
    samples = tuple(5_000_000 + step for step in range(SAMPLES))
    outcome = Measurement(samples, Summary(*[5.0] * 7), Verdict.VALID)
    return Report(f"scale-{job.job_id:026}", job.job_id, job.token, 0.0, outcome)


def _ms(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return 1e3 * (time.process_time() - begin)


def _show(found: Sequence[Demand], each_s: float) -> None:
    table = Table(
        title=f"One measurement of each board in {each_s:.0f} s; cores of the store's work"
    )
    columns = ("boards", "measurements/s", "reports", "leases", "heartbeats", "housekeeping")
    for name in (*columns, "list devices ms", "store MiB", "growth GiB/year"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            f"{one.boards:,}",
            f"{one.measurements_per_s:,.0f}",
            f"{one.report_cores:.2f}",
            f"{one.lease_cores:.2f}",
            f"{one.heartbeat_cores:.2f}",
            f"{one.housekeeping_cores:.2f}",
            f"{one.costs.list_devices_ms:,.0f}",
            f"{one.store_mib:,.0f}",
            f"{one.growth_gib_a_year:,.0f}",
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    run_cli(lambda: typer.run(run), "scale")
