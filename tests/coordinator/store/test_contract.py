"""The storage contract; every store is held to it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from coordinator.policy import QUARANTINE_AFTER, QUARANTINE_S
from coordinator.store import (
    Acknowledgement,
    Adaptation,
    Delivery,
    JobOrder,
    Store,
    open_store,
)
from coordinator.store.engine import make_engine
from help_core.errors import BadInput, Conflict, Incompatible, NotFound, StoreError
from help_core.records import (
    AccuracyRow,
    Board,
    CollectionOrder,
    Device,
    Failure,
    FailureClass,
    JobState,
    LeasedJob,
    LeaseRef,
    Measurement,
    Purpose,
    Report,
    Settings,
    Summary,
    TableOrigin,
    TableRow,
    Verdict,
)

AGENT = "a" * 32
OTHER = "b" * 32
LEASE_S = 60.0


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "postgresql":
        with request.getfixturevalue("postgres").database() as address:
            yield address
    else:
        yield ":memory:" if request.param == "memory" else str(tmp_path / "store.db")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    opened.register(AGENT, "0.1.0", [_device("box")], 0.0)
    yield opened
    opened.close()


def _device(name: str, threads: int = 1) -> Device:
    return Device(name, Board("x86"), Settings(threads=threads))


def _measurement(median_ms: float, verdict: Verdict = Verdict.VALID) -> Measurement:
    summary = Summary(*[median_ms] * 7)
    reasons = () if verdict is Verdict.VALID else ("other-load",)
    return Measurement((round(median_ms * 1e6),), summary, verdict, reasons)


def _report(job: LeasedJob, key: str, outcome: Measurement | Failure) -> Report:
    return Report(key.ljust(8, "-"), job.job_id, job.token, 1.0, outcome)


def _leased(store: Store, architecture: str = "nasbench201:a") -> LeasedJob:
    store.enqueue([JobOrder("box", architecture, Purpose.SUPPORT)])
    (job,) = store.lease(AGENT, ["box"], 1, 0.0, LEASE_S)
    return job


def test_jobs_are_leased_by_priority_then_age_and_to_one_agent_only(store: Store) -> None:
    ids = store.enqueue(
        [JobOrder("box", f"s:{n}", Purpose.COLLECT, priority=n // 2) for n in range(4)]
    )
    first = store.lease(AGENT, ["box"], 3, 0.0, LEASE_S)
    assert [job.job_id for job in first] == [ids[2], ids[3], ids[0]]
    assert [job.job_id for job in store.lease(AGENT, ["box"], 3, 0.0, LEASE_S)] == [ids[1]]


def test_an_agent_gets_no_jobs_of_a_device_that_another_serves(store: Store) -> None:
    store.register(OTHER, "0.1.0", [_device("other")], 0.0)
    store.enqueue([JobOrder("box", "s:a", Purpose.COLLECT)])
    assert store.lease(OTHER, ["box"], 1, 0.0, LEASE_S) == []


def test_a_report_delivered_twice_is_stored_once(store: Store) -> None:
    job = _leased(store)
    report = _report(job, "key", _measurement(2.0))
    assert store.record(AGENT, report, 0.0) is Acknowledgement.STORED
    assert store.record(AGENT, report, 0.0) is Acknowledgement.DUPLICATE
    assert [stored.measurement for stored in store.measurements("box")] == [report.outcome]
    assert store.jobs([job.job_id])[0].state is JobState.DONE


def test_a_report_of_an_ended_lease_is_kept_and_nothing_is_built_on_it(store: Store) -> None:
    old = _leased(store)
    assert store.expire(LEASE_S + 1) == 1
    (new,) = store.lease(AGENT, ["box"], 1, LEASE_S + 1, LEASE_S)
    assert new.token == old.token + 1
    assert (
        store.record(AGENT, _report(old, "late", _measurement(9.0)), 0.0) is Acknowledgement.STALE
    )
    assert store.measurements("box") == []
    assert store.jobs([old.job_id])[0].state is JobState.LEASED
    assert (
        store.record(AGENT, _report(new, "new", _measurement(2.0)), 0.0) is Acknowledgement.STORED
    )
    assert len(store.measurements("box")) == 1


def test_a_report_for_a_job_that_does_not_exist_is_refused(store: Store) -> None:
    missing = LeasedJob(99, 1, "box", "s:a")
    assert (
        store.record(AGENT, _report(missing, "key", _measurement(1.0)), 0.0)
        is Acknowledgement.REFUSED
    )


def test_a_renewed_lease_lasts_and_a_lost_one_is_named(store: Store) -> None:
    job = _leased(store)
    unknown = LeaseRef(job.job_id, 7)
    assert store.renew(AGENT, [job.ref, unknown], 50.0, LEASE_S) == [unknown]
    assert store.expire(LEASE_S + 1) == 0
    assert store.expire(50.0 + LEASE_S + 1) == 1


def test_a_released_job_is_queued_again_without_counting_the_attempt(store: Store) -> None:
    job = _leased(store)
    store.release(AGENT, [job.ref])
    (found,) = store.jobs([job.job_id])
    assert (found.state, found.attempts) == (JobState.QUEUED, 0)


@pytest.mark.parametrize(
    ("kind", "state"),
    [(FailureClass.CRASHED, JobState.QUEUED), (FailureClass.BAD_MODEL, JobState.FAILED)],
)
def test_a_failure_is_tried_again_only_where_that_can_help(
    store: Store, kind: FailureClass, state: JobState
) -> None:
    job = _leased(store)
    store.record(AGENT, _report(job, "key", Failure(kind, "why")), 0.0)
    (found,) = store.jobs([job.job_id])
    assert found.state is state
    assert found.error == f"{kind}: why"
    assert store.measurements("box") == []


def test_a_job_fails_after_its_last_attempt(store: Store) -> None:
    (job_id,) = store.enqueue([JobOrder("box", "s:a", Purpose.COLLECT)])
    for attempt in range(3):
        (job,) = store.lease(AGENT, ["box"], 1, 0.0, LEASE_S)
        store.record(AGENT, _report(job, f"k{attempt}", Failure(FailureClass.CRASHED, "why")), 0.0)
    assert store.jobs([job_id])[0].state is JobState.FAILED
    silent = _leased(store, "s:b")
    for _ in range(3):
        store.expire(1e9)
        store.lease(AGENT, ["box"], 1, 0.0, LEASE_S)
    assert store.jobs([silent.job_id])[0].state is JobState.FAILED


def test_only_queued_jobs_are_cancelled(store: Store) -> None:
    leased = _leased(store)
    (queued,) = store.enqueue([JobOrder("box", "s:b", Purpose.COLLECT)])
    assert store.cancel([leased.job_id, queued]) == 1
    states = [job.state for job in store.jobs([leased.job_id, queued])]
    assert states == [JobState.LEASED, JobState.CANCELLED]


def test_an_unknown_device_is_named_with_those_that_exist(store: Store) -> None:
    with pytest.raises(NotFound, match=r"'nowhere'; known: box"):
        store.enqueue([JobOrder("nowhere", "s:a", Purpose.COLLECT)])
    with pytest.raises(NotFound, match=r"'nowhere'; known: box"):
        store.device("nowhere", 0.0)


def test_a_name_of_an_online_agent_is_refused_to_others_and_kept_by_its_own(store: Store) -> None:
    with pytest.raises(Conflict, match="taken"):
        store.register(OTHER, "0.1.0", [_device("box")], 10.0)
    store.register(AGENT, "0.1.0", [_device("box")], 10.0)
    store.register(OTHER, "0.1.0", [_device("box")], 1000.0)
    assert store.device("box", 1000.0).agent_id == OTHER


def test_a_board_is_away_as_long_as_its_agent_says_so_and_is_heard(store: Store) -> None:
    store.register(AGENT, "0.1.0", [replace(_device("box"), away=True)], 10.0)
    assert store.device("box", 20.0).presence == "board away"
    assert not store.device("box", 20.0).online
    with pytest.raises(Conflict, match="taken"):
        store.register(OTHER, "0.1.0", [_device("box")], 20.0)
    assert store.device("box", 1000.0).presence == "offline"
    store.register(AGENT, "0.1.0", [_device("box")], 1000.0)
    assert store.device("box", 1000.0).presence == "online"


def test_other_settings_are_another_device(store: Store) -> None:
    with pytest.raises(Conflict, match="threads 1 -> 4"):
        store.register(AGENT, "0.1.0", [_device("box", threads=4)], 1.0)


def test_measured_and_imported_latencies_are_exported_with_the_newest_valid_median(
    store: Store,
) -> None:
    rows = [TableRow("nasbench201:a", "pi", 3.0), TableRow("nasbench201:a", "box", 9.0)]
    assert store.add_rows("nasbench201", "paper", rows) == 2
    assert store.add_rows("nasbench201", "paper", rows[:1]) == 1
    for key, median in (("k1", 1.0), ("k2", 2.0)):
        store.record(AGENT, _report(_leased(store), key, _measurement(median)), 0.0)
    suspect = _measurement(5.0, Verdict.SUSPECT)
    store.record(AGENT, _report(_leased(store), "k3", suspect), 0.0)
    both = store.rows("nasbench201", [], TableOrigin.BOTH)
    assert [(row.device, row.latency_ms) for row in both] == [("box", 2.0), ("pi", 3.0)]
    assert store.rows("nasbench201", ["box"], TableOrigin.IMPORTED)[0].latency_ms == 9.0
    assert store.rows("fbnet", [], TableOrigin.BOTH) == []


def test_new_accuracies_of_a_space_replace_all_those_before(store: Store) -> None:
    assert store.accuracies("nasbench201") == ("", [])
    first, second = AccuracyRow("nasbench201:a", 70.0), AccuracyRow("nasbench201:b", 60.0)
    store.set_accuracies("nasbench201", "one.csv", [first])
    store.set_accuracies("fbnet", "other.csv", [AccuracyRow("fbnet:a", 50.0)])
    store.set_accuracies("nasbench201", "two.csv", [second])
    assert store.accuracies("nasbench201") == ("two.csv", [second])
    store.set_accuracies("nasbench201", "", [])
    assert store.accuracies("nasbench201") == ("", [])
    assert store.accuracies("fbnet")[0] == "other.csv"


def test_the_last_adaptation_replaces_the_one_before(store: Store) -> None:
    assert store.adaptation("box", "nasbench201") is None
    for predictor in ("flops", "help"):
        store.set_adaptation(Adaptation("box", "nasbench201", predictor, 1, ("nasbench201:a",)))
    found = store.adaptation("box", "nasbench201")
    assert found is not None
    assert (found.predictor, found.support) == ("help", ("nasbench201:a",))


def test_reports_recorded_together_end_as_if_they_came_one_by_one(store: Store) -> None:
    store.enqueue([JobOrder("box", f"s:{n}", Purpose.COLLECT) for n in range(3)])
    first, second, third = store.lease(AGENT, ["box"], 3, 0.0, LEASE_S)
    good = _report(first, "good", _measurement(1.0))
    reports = [
        good,
        good,
        _report(second, "bad", Failure(FailureClass.CRASHED, "why")),
        _report(second, "after-bad", _measurement(2.0)),
        _report(LeasedJob(999, 1, "box", "s:x"), "unknown", _measurement(3.0)),
    ]
    deliveries = [Delivery(AGENT, report) for report in reports]
    deliveries.append(Delivery(OTHER, _report(third, "foreign", _measurement(4.0))))
    found = store.record_all(deliveries, 0.0)
    assert [one.acknowledgement for one in found] == [
        Acknowledgement.STORED,
        Acknowledgement.DUPLICATE,
        Acknowledgement.STORED,
        Acknowledgement.STALE,
        Acknowledgement.REFUSED,
        Acknowledgement.STALE,
    ]
    assert [one.device for one in found] == ["box"] * 4 + ["", "box"]
    states = [job.state for job in store.jobs([first.job_id, second.job_id, third.job_id])]
    assert states == [JobState.DONE, JobState.QUEUED, JobState.LEASED]
    assert [one.measurement.summary.median_ms for one in store.measurements("box")] == [1.0]


def test_a_large_batch_is_stored_whole_and_in_order(store: Store) -> None:
    store.enqueue([JobOrder("box", f"s:{n}", Purpose.COLLECT) for n in range(1200)])
    jobs = store.lease(AGENT, ["box"], 1200, 0.0, LEASE_S)
    deliveries = [
        Delivery(AGENT, _report(job, f"k{n:07}", _measurement(1.0 + n)))
        for n, job in enumerate(jobs)
    ]
    assert {one.acknowledgement for one in store.record_all(deliveries, 0.0)} == {"stored"}
    assert {one.acknowledgement for one in store.record_all(deliveries, 0.0)} == {"duplicate"}
    found = store.measurements("box")
    assert [one.measurement.summary.median_ms for one in found] == [1.0 + n for n in range(1200)]
    assert store.job_counts()[JobState.DONE] == 1200


def _fail(store: Store, number: int, now_s: float) -> None:
    store.enqueue([JobOrder("box", f"s:{number}", Purpose.COLLECT)])
    (job,) = store.lease(AGENT, ["box"], 1, now_s, LEASE_S)
    store.record(AGENT, _report(job, f"f{number}", Failure(FailureClass.CRASHED, "why")), now_s)


def test_a_board_that_keeps_failing_gets_one_trial_at_a_time_until_it_succeeds(
    store: Store,
) -> None:
    for number in range(QUARANTINE_AFTER):
        _fail(store, number, 0.0)
    assert store.device_statuses(0.0)[0].quarantined
    assert store.lease(AGENT, ["box"], 9, QUARANTINE_S - 1, LEASE_S) == []
    later = QUARANTINE_S + 1
    (trial,) = store.lease(AGENT, ["box"], 9, later, LEASE_S)
    assert store.lease(AGENT, ["box"], 9, later, LEASE_S) == []
    store.record(AGENT, _report(trial, "well", _measurement(1.0)), later)
    status = store.device_statuses(0.0)[0]
    assert (status.quarantined, status.failures_in_row) == (False, 0)
    assert len(store.lease(AGENT, ["box"], 9, later, LEASE_S)) > 1


def test_quarantine_is_ended_by_hand_and_never_begun_by_bad_models(store: Store) -> None:
    for number in range(QUARANTINE_AFTER):
        _fail(store, number, 0.0)
    assert store.end_quarantine("box")
    assert not store.end_quarantine("box")
    for number in range(2 * QUARANTINE_AFTER):
        job = _leased(store, f"t:{number}")
        store.record(AGENT, _report(job, f"m{number}", Failure(FailureClass.BAD_MODEL, "why")), 0.0)
    assert not store.device_statuses(0.0)[0].quarantined
    with pytest.raises(NotFound, match=r"'nowhere'; known: box"):
        store.end_quarantine("nowhere")


def test_collections_take_turns_on_a_device_also_over_several_leases(store: Store) -> None:
    for name, count in (("large", 50), ("small", 3)):
        store.open_collection(CollectionOrder(name), 0.0)
        store.enqueue(
            [JobOrder("box", f"{name}:{n}", Purpose.COLLECT, collection=name) for n in range(count)]
        )
    leased = [
        job.architecture.split(":")[0]
        for _ in range(6)
        for job in store.lease(AGENT, ["box"], 1, 0.0, LEASE_S)
    ]
    assert sorted(leased) == ["large"] * 3 + ["small"] * 3


def test_a_collection_is_counted_cancelled_and_taken_up_again(store: Store) -> None:
    store.open_collection(CollectionOrder("c"), 5.0)
    orders = [JobOrder("box", f"s:{n}", Purpose.COLLECT, collection="c") for n in range(3)]
    store.enqueue([*orders, JobOrder("box", "s:other", Purpose.COLLECT)])
    store.lease(AGENT, ["box"], 1, 0.0, LEASE_S)
    leased = store.collection("c").leased
    assert store.cancel_collection("c") == 3 - leased
    found = store.collection("c")
    assert (found.cancelled, found.ended, found.total) == (3 - leased, "cancelled", 3)
    assert store.retry_collection("c") == 3 - leased
    store.open_collection(CollectionOrder("c", priority=7), 9.0)
    found = store.collection("c")
    assert (found.queued, found.ended, found.priority) == (3 - leased, "", 7)
    assert found.created_unix_s == 5.0
    assert store.collection_devices("c") == ["box"]
    (next_job,) = store.lease(AGENT, ["box"], 1, 0.0, LEASE_S)
    assert store.jobs([next_job.job_id])[0].collection == "c"
    with pytest.raises(NotFound, match=r"'d'; known: c"):
        store.collection("d")


def test_a_deadline_cancels_what_nobody_has_begun(store: Store) -> None:
    store.open_collection(CollectionOrder("c", deadline_in_s=10.0), 100.0)
    store.enqueue([JobOrder("box", f"s:{n}", Purpose.COLLECT, collection="c") for n in range(2)])
    (leased,) = store.lease(AGENT, ["box"], 1, 100.0, LEASE_S)
    store.expire(109.0)
    assert store.collection("c").queued == 1
    store.expire(111.0)
    found = store.collection("c")
    assert (found.queued, found.leased, found.cancelled) == (0, 1, 1)
    assert "deadline" in found.ended
    report = _report(leased, "in-time", _measurement(1.0))
    assert store.record(AGENT, report, 112.0) is Acknowledgement.STORED


def test_what_a_collection_has_or_the_device_measured_needs_no_new_job(store: Store) -> None:
    store.record(AGENT, _report(_leased(store, "s:measured"), "key1", _measurement(1.0)), 0.0)
    store.enqueue([JobOrder("box", "s:queued", Purpose.COLLECT, collection="c")])
    store.enqueue([JobOrder("box", "s:elsewhere", Purpose.COLLECT, collection="d")])
    assert store.settled("box", "c") == {"s:measured", "s:queued"}


def test_labels_are_set_changed_and_removed_and_notes_kept(store: Store) -> None:
    store.label("box", {"room": "lab", "rack": "2"}, "fan is loud")
    store.label("box", {"rack": None, "room": "attic"}, None)
    status = store.device_statuses(0.0)[0]
    assert (dict(status.labels), status.note) == ({"room": "attic"}, "fan is loud")
    store.register(AGENT, "0.1.0", [_device("box")], 1.0)
    assert dict(store.device_statuses(0.0)[0].labels) == {"room": "attic"}
    with pytest.raises(BadInput, match="label"):
        store.label("box", {"a b": "c"}, None)
    with pytest.raises(NotFound, match=r"'nowhere'; known: box"):
        store.label("nowhere", {}, "")


def test_devices_with_work_are_those_that_wait_for_their_agents(store: Store) -> None:
    assert store.devices_with_work() == []
    job = _leased(store)
    assert store.devices_with_work() == []
    store.release(AGENT, [job.ref])
    assert store.devices_with_work() == ["box"]


def test_a_store_that_works_is_said_to(store: Store) -> None:
    store.check()
    shared = store.clock_s()
    assert shared is None or abs(shared - time.time()) < 60


def test_many_threads_lease_each_job_once(store: Store) -> None:
    store.enqueue([JobOrder("box", f"s:{n}", Purpose.COLLECT) for n in range(60)])
    leased: list[int] = []

    def work() -> None:
        while jobs := store.lease(AGENT, ["box"], 4, 0.0, LEASE_S):
            leased.extend(job.job_id for job in jobs)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leased) == sorted(set(leased))
    assert len(leased) == 60


@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_what_was_acknowledged_is_there_after_opening_again(url: str) -> None:
    first = open_store(url)
    first.register(AGENT, "0.1.0", [_device("box")], 0.0)
    first.record(AGENT, _report(_leased(first), "key", _measurement(2.0)), 0.0)
    first.close()
    second = open_store(url)
    assert len(second.measurements("box")) == 1
    second.close()


def test_a_corrupt_store_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "corrupt.db"
    path.write_bytes(b"this is no database, it only looks like a file" * 100)
    with pytest.raises(StoreError, match=r"corrupt\.db cannot be used"):
        open_store(str(path))


def test_a_store_of_a_newer_version_asks_to_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    open_store(str(path)).close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(Incompatible, match="upgrade help-fleet"):
        open_store(str(path))


@pytest.mark.parametrize("url", ["sqlite://[", "nosuchdatabase://x/y"])
def test_a_bad_store_url_is_one_clear_line(url: str) -> None:
    with pytest.raises((BadInput, StoreError)):
        open_store(url)


def test_a_write_that_fails_is_remembered_until_one_goes_well(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "full.db"))
    store.register(AGENT, "0.1.0", [_device("box")], 0.0)
    assert store.trouble() is None
    with sqlite3.connect(tmp_path / "full.db") as other:
        pages = other.execute("PRAGMA page_count").fetchone()[0]
    other.close()
    # A database that may not grow behaves like one on a full disk.
    with store._engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    rows = [AccuracyRow(f"nasbench201:{number}", 50.0) for number in range(5000)]
    with pytest.raises(StoreError, match="disk is full"):
        store.set_accuracies("nasbench201", "big.csv", rows)
    assert store.trouble() is not None
    store.seen(AGENT, 1.0)
    assert store.trouble() is None
    store.close()


def test_sqlite_is_set_up_to_be_durable(tmp_path: Path) -> None:
    engine = make_engine(str(tmp_path / "x.db"))
    with engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()
