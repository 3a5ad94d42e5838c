"""The worker measures a lease's jobs together and reports each, or none of what it lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from agent.backoff import Backoff
from agent.boards.base import Wanted
from agent.boards.replay import ReplayBoard
from agent.link import Link
from agent.models import ModelCache, ModelFetcher
from agent.spool import Spool
from agent.worker import Worker
from help_core.records import (
    Board,
    Device,
    Failure,
    FailureClass,
    LeasedJob,
    LeaseRef,
    Measurement,
    Report,
    Settings,
)
from help_core.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
CELLS = SPACE.from_genes(SPACE.all_genes()[:4])


class FakeLink:
    """Hands out one lease, then stops the worker."""

    address = "nowhere"

    def __init__(self, jobs: Sequence[LeasedJob], stop: threading.Event) -> None:
        self._jobs = list(jobs)
        self._stop = stop
        self.released: list[LeaseRef] = []
        self.said_away: list[bool] = []

    def register(self, devices: Sequence[Device]) -> tuple[float, float]:
        self.said_away += [device.away for device in devices]
        return 60.0, 20.0

    def lease(self, devices: Sequence[str], max_jobs: int, wait_s: float) -> list[LeasedJob]:
        jobs, self._jobs = self._jobs, []
        if not jobs:
            self._stop.set()
        return jobs

    def heartbeat(self, leases: Sequence[LeaseRef]) -> list[LeaseRef]:
        return []

    def release(self, leases: Sequence[LeaseRef]) -> None:
        self.released += leases


class RecordingBoard(ReplayBoard):
    """A replay board that remembers its batches."""

    def __init__(self, during: Callable[[], None] = lambda: None) -> None:
        super().__init__(dict.fromkeys(CELLS[:3], 2.0), "table")
        self.batches: list[int] = []
        self._during = during

    def measure_batch(self, wanted: Sequence[Wanted]) -> list[Measurement | Failure]:
        self.batches.append(len(wanted))
        self._during()
        return super().measure_batch(wanted)


def _job(number: int, architecture: str, device: str = "box") -> LeasedJob:
    return LeasedJob(number, 1, device, architecture)


def _work(
    folder: Path, jobs: Sequence[LeasedJob], board: RecordingBoard, stop: threading.Event
) -> tuple[list[Report], FakeLink]:
    link = FakeLink(jobs, stop)
    spool = Spool(folder / "spool.sqlite")
    devices = {"box": Device("box", Board("replay"), Settings())}
    backoff = Backoff(random.Random(0))
    models = ModelFetcher(cast(Link, link), ModelCache(folder / "models"), stop, backoff)
    worker = Worker(cast(Link, link), board, devices, spool, stop, backoff, models, lambda: 1.0)
    worker.run()
    worker.give_back()
    reports: list[Report] = []
    last_id = 0
    while (entry := spool.after(last_id, 0.0)) is not None:
        last_id, found = entry
        reports += found
    spool.close()
    return reports, link


def test_the_jobs_of_a_lease_are_one_batch_and_each_has_its_report(tmp_path: Path) -> None:
    board = RecordingBoard()
    jobs = [_job(number, str(cell)) for number, cell in enumerate(CELLS)]
    jobs += [_job(10, "nasbench201:nonsense"), _job(11, str(CELLS[0]), device="unknown")]
    reports, link = _work(tmp_path, jobs, board, threading.Event())
    assert board.batches == [4]
    outcomes = {report.job_id: report.outcome for report in reports}
    assert sorted(outcomes) == [0, 1, 2, 3, 10, 11]
    assert all(isinstance(outcomes[number], Measurement) for number in range(3))
    classes = {
        number: outcome.failure_class
        for number, outcome in outcomes.items()
        if isinstance(outcome, Failure)
    }
    assert classes == {
        3: FailureClass.NO_DATA,
        10: FailureClass.BAD_MODEL,
        11: FailureClass.NO_DATA,
    }
    assert link.released == []


def test_a_stop_reports_what_was_measured_and_gives_back_the_rest(tmp_path: Path) -> None:
    stop = threading.Event()
    board = RecordingBoard(during=stop.set)
    jobs = [_job(number, str(cell)) for number, cell in enumerate(CELLS)]
    reports, link = _work(tmp_path, jobs, board, stop)
    assert [report.job_id for report in reports] == [0, 1, 2]
    assert [ref.job_id for ref in link.released] == [3]


def test_a_board_that_is_not_ready_takes_no_work(tmp_path: Path) -> None:
    stop = threading.Event()
    link = FakeLink([_job(1, str(CELLS[0]))], stop)
    board = RecordingBoard()
    spool = Spool(tmp_path / "spool.sqlite")
    backoff = Backoff(random.Random(0))
    models = ModelFetcher(cast(Link, link), ModelCache(tmp_path / "models"), stop, backoff)
    looks: list[float] = []

    def ready(wait_s: float) -> bool:
        looks.append(wait_s)
        if len(looks) == 3:
            stop.set()
        return False

    devices = {"box": Device("box", Board("replay"), Settings())}
    Worker(cast(Link, link), board, devices, spool, stop, backoff, models, lambda: 1.0, ready).run()
    spool.close()
    assert len(looks) == 3
    assert board.batches == []
    assert link.said_away == [False, True]


def test_a_board_that_comes_back_is_said_and_works(tmp_path: Path) -> None:
    stop = threading.Event()
    link = FakeLink([_job(1, str(CELLS[0]))], stop)
    board, there = RecordingBoard(), iter([True, False, False])
    spool = Spool(tmp_path / "spool.sqlite")
    backoff = Backoff(random.Random(0))
    models = ModelFetcher(cast(Link, link), ModelCache(tmp_path / "models"), stop, backoff)
    devices = {"box": Device("box", Board("replay"), Settings())}
    Worker(
        *(cast(Link, link), board, devices, spool, stop, backoff, models, lambda: 1.0),
        lambda _wait_s: next(there, True),
    ).run()
    spool.close()
    assert board.batches == [1]
    assert link.said_away == [False, True, False]
