"""Experiment 5: an agent's spool that is cut off at every byte, or has flipped bits."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.spool import Spool
from agent.spool_file import torn_tail_bytes
from benchmarks.fault_lab import Counts
from benchmarks.fault_results import LONG, Folder, Result, Size
from benchmarks.fleet_agents import agent_id, architectures
from coordinator.store import Acknowledgement, Delivery, JobOrder, SqlStore, open_store
from help_core import __version__
from help_core.errors import MeasurementFailed
from help_core.records import (
    Board,
    Device,
    LeasedJob,
    Measurement,
    Purpose,
    Report,
    Settings,
    Summary,
    Verdict,
)

REPORTS = 6
ACKNOWLEDGED = 2
"""Of those, delivered and removed from the spool before it is damaged."""
DATABASE, LOG = "spool.sqlite", "spool.sqlite-wal"
SHORT_CUTS = 120
FLIP_EACH_BYTES = 8
WAL_HEADER_BYTES, FRAME_BYTES = 32, 24 + 4096
AGENT, DEVICE = agent_id(5), "spooled"


@dataclass(frozen=True, slots=True)
class _Harm:
    """One damage: a file cut to ``at`` bytes, or the bit ``bit`` of its byte ``at`` flipped."""

    file: str
    at: int
    bit: int | None = None
    between_writes: bool = False
    """Whether the log then ends where a write would have begun: as if it had never been made."""

    def do(self, folder: Path) -> None:
        path = folder / self.file
        if self.bit is None:
            with path.open("r+b") as file:
                file.truncate(self.at)
            return
        data = bytearray(path.read_bytes())
        data[self.at] ^= 1 << self.bit
        path.write_bytes(bytes(data))


def damaged_spool(folder: Folder, size: Size) -> Result:
    """5. The spool's files truncated at every byte, and with flipped bits."""
    with closing(open_store("sqlite://")) as store, _memory(folder) as room:
        whole = {report.key: report for report in _reports(_leases(store))}
        spooled = _spool(store, room / "whole", list(whole.values()))
        found: Counter[str] = Counter()
        for harm in _harms(spooled, every_byte=size is LONG):
            found[_outcome(store, spooled, room / "harmed", harm, whole)] += 1
        # What was torn off is measured again under a new lease; here the reports are at hand.
        _deliver(store, list(whole.values()))
        counts = _counts(store, whole)
    if found["altered"] or found["silent"]:
        raise MeasurementFailed(f"damaged spools: {dict(found)}")
    text = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.items()))
    return Result("spool damaged", counts, f"{sum(found.values()):,} damages: {text}; altered 0")


@contextmanager
def _memory(folder: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a disk would sync a hundred thousand times."""
    memory = Path("/dev/shm")  # noqa: S108
    where = memory if memory.is_dir() else folder
    with tempfile.TemporaryDirectory(dir=where, prefix="help-faults-") as made:
        yield Path(made)


def _leases(store: SqlStore) -> list[LeasedJob]:
    device = Device(DEVICE, Board("replay"), Settings(runtime="replay"))
    store.register(AGENT, __version__, [device], 0.0)
    store.enqueue([JobOrder(DEVICE, name, Purpose.COLLECT) for name in architectures()[:REPORTS]])
    return store.lease(AGENT, [DEVICE], REPORTS, 0.0, 1e9)


def _reports(leases: Sequence[LeasedJob]) -> Iterator[Report]:
    for number, job in enumerate(leases):
        samples = tuple(1_000_000 + number * 1000 + step for step in range(30))
        outcome = Measurement(samples, Summary(*[samples[0] / 1e6] * 7), Verdict.VALID)
        yield Report(f"key-{number:05}", job.job_id, job.token, 1.0, outcome)


def _deliver(store: SqlStore, reports: Sequence[Report]) -> None:
    store.record_all([Delivery(AGENT, report) for report in reports], 1.0)


def _spool(store: SqlStore, folder: Path, reports: Sequence[Report]) -> Path:
    """The files of an agent that died; part of the reports in each, some acknowledged before."""
    folder.mkdir()
    living = folder / "living"
    living.mkdir()
    spool = Spool(living / DATABASE)
    for number, report in enumerate(reports):
        spool.put(report)
        if number == REPORTS // 2:
            with closing(sqlite3.connect(living / DATABASE)) as database:
                database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    _deliver(store, reports[:ACKNOWLEDGED])
    spool.remove([report.key for report in reports[:ACKNOWLEDGED]])
    for name in (DATABASE, LOG):
        shutil.copy(living / name, folder / name)
    spool.close()
    return folder


def _harms(spooled: Path, *, every_byte: bool) -> Iterator[_Harm]:
    rng = np.random.default_rng(0)
    for name in (DATABASE, LOG):
        size = (spooled / name).stat().st_size
        step = 1 if every_byte else max(1, size // SHORT_CUTS)
        ends = _ends_of_writes(spooled / name) if name == LOG else ()
        for at in sorted({*range(0, size, step), *ends}):
            yield _Harm(name, at, between_writes=at in ends)
        for at in range(0, size, step * (FLIP_EACH_BYTES if every_byte else 1)):
            yield _Harm(name, at, int(rng.integers(8)))


def _ends_of_writes(log: Path) -> set[int]:
    """Where a log could end and be whole: empty, or behind a frame that commits."""
    data = log.read_bytes()
    starts = range(WAL_HEADER_BYTES, len(data), FRAME_BYTES)
    commits = {at + FRAME_BYTES for at in starts if any(data[at + 4 : at + 8])}
    return ({0, WAL_HEADER_BYTES} | commits) - {len(data)}


def _outcome(
    store: SqlStore, spooled: Path, folder: Path, harm: _Harm, whole: dict[str, Report]
) -> str:
    """What a damage led to, in a word; what the spool gives back is delivered."""
    folder.mkdir()
    for name in (DATABASE, LOG):
        shutil.copy(spooled / name, folder / name)
    harm.do(folder)
    torn = torn_tail_bytes(folder / LOG) > 0
    with _listening() as lines:
        found = _read_all(folder)
    shutil.rmtree(folder)
    if any(whole.get(report.key) != report for report in found):
        return "altered"
    if found:
        _deliver(store, found)
    missing = set(list(whole)[ACKNOWLEDGED:]) - {report.key for report in found}
    if not missing:
        return "gave all back"
    if lines:
        return "torn tail dropped and said" if torn else "damaged, part dropped and said"
    return "cut between two writes" if harm.between_writes else "silent"


def _read_all(folder: Path) -> list[Report]:
    with closing(Spool(folder / DATABASE)) as spool:
        found: list[Report] = []
        last_id = 0
        while (entry := spool.after(last_id, 0.0)) is not None:
            last_id = entry[0]
            found += entry[1]
    return found


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What the spool says meanwhile, kept off the screen."""
    handler, logger = _Lines(), logging.getLogger("agent")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def _counts(store: SqlStore, whole: dict[str, Report]) -> Counts:
    stored = [one.key for one in store.measurements(DEVICE)]
    again = store.record_all([Delivery(AGENT, report) for report in whole.values()], 2.0)
    known = sum(one.acknowledgement is Acknowledgement.DUPLICATE for one in again)
    return Counts(
        sent=len(whole),
        acknowledged=known,
        stored=len(stored),
        stale=0,
        lost=len(set(whole) - set(stored)),
        duplicate=len(stored) - len(set(stored)),
        merged_stale=0,
        unfinished=0,
        expired=0,
    )
