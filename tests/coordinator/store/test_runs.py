"""Requests to adapt, on every store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.store import SqlStore, open_store
from coordinator.store.queries.runs import KEPT
from help_core.errors import NotFound
from help_core.records import (
    AdaptOrder,
    AdaptRun,
    Answer,
    CloudPoint,
    LimitOutcome,
    MeasuredPoint,
    Pick,
    Progress,
    RunState,
    Verdict,
)

ME, OTHER = "m" * 16, "o" * 16


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    if request.param == "postgresql":
        with request.getfixturevalue("postgres").database() as url:
            opened = open_store(url)
            yield opened
            opened.close()
    else:
        opened = open_store(str(tmp_path / "store.db"))
        yield opened
        opened.close()


def make_run(number: int = 1, *, detached: bool = True) -> AdaptRun:
    order = AdaptOrder("box", "nasbench201", max_latency_ms=(5.0, 9.5), top=2)
    return AdaptRun(
        id=f"{number:016x}",
        order=order,
        by="token:12",
        detached=detached,
        state=RunState.RUNNING,
        started_unix_s=100.0 + number,
        ended_unix_s=None,
        progress=Progress("begin", 0, 1, "begun"),
        error="",
    )


def make_answer() -> Answer:
    point = MeasuredPoint("nasbench201:a", 2.5, 2.25, Verdict.SUSPECT)
    pick = Pick(5.0, "nasbench201:b", 4.0, 3.5, 4.5, None, 91.5, 1000, 2000)
    outcome = LimitOutcome(5.0, True, "confirmed")
    return Answer(
        "box", "nasbench201", "transfer", "table", (pick,), (outcome,), (point,), (),
        (CloudPoint(1.0, 50.0),), ("a note",), 3.5,
    )  # fmt: skip


def test_a_run_comes_back_as_it_was_kept_with_its_answer(store: SqlStore) -> None:
    run = make_run()
    store.runs.open(run, ME)
    assert store.runs.get(run.id) == run
    assert store.runs.answer(run.id) is None
    assert store.runs.end(run.id, RunState.DONE, "", make_answer(), 200.0)
    assert store.runs.get(run.id) == replace(run, state=RunState.DONE, ended_unix_s=200.0)
    assert store.runs.answer(run.id) == make_answer()
    assert store.runs.supports("nasbench201", 10) == {"box": {"nasbench201:a": 2.5}}
    assert store.runs.supports("fbnet", 10) == {}


def test_a_run_ends_once(store: SqlStore) -> None:
    run = make_run()
    store.runs.open(run, ME)
    assert store.runs.end(run.id, RunState.CANCELLED, "by a person", None, 200.0)
    assert not store.runs.end(run.id, RunState.DONE, "", make_answer(), 201.0)
    assert not store.runs.note(run.id, ME, Progress("support", 1, 10, ""), 202.0)
    assert store.runs.get(run.id).error == "by a person"


def test_only_the_owner_notes_progress(store: SqlStore) -> None:
    run = make_run()
    store.runs.open(run, ME)
    assert store.runs.note(run.id, ME, Progress("support", 3, 10, "measuring"), 105.0)
    assert not store.runs.note(run.id, OTHER, Progress("support", 9, 10, "wrong"), 106.0)
    assert store.runs.get(run.id).progress == Progress("support", 3, 10, "measuring")


def test_a_detached_run_is_claimed_by_one_when_its_owner_is_silent_or_gone(store: SqlStore) -> None:
    run = make_run()
    store.runs.open(run, ME)
    assert store.runs.claim(OTHER, 100.5, 110.0) == []
    assert store.runs.claim(OTHER, 105.0, 110.0) == [run]
    assert store.runs.claim(ME, 105.0, 110.0) == []
    store.runs.release(OTHER)
    assert store.runs.claim(ME, 0.0, 111.0) == [run]


def test_a_run_whose_caller_was_attached_ends_with_its_coordinator(store: SqlStore) -> None:
    run = make_run(detached=False)
    store.runs.open(run, ME)
    assert store.runs.claim(OTHER, 105.0, 110.0) == []
    ended = store.runs.get(run.id)
    assert ended.state is RunState.CANCELLED
    assert "its coordinator stopped" in ended.error


def test_runs_are_listed_from_the_newest_in_pages_and_by_device_and_state(store: SqlStore) -> None:
    for number in range(5):
        store.runs.open(make_run(number), ME)
    store.runs.end(f"{3:016x}", RunState.FAILED, "it broke", None, 300.0)
    found, total = store.runs.find(limit=2, offset=1)
    assert ([run.id for run in found], total) == ([f"{3:016x}", f"{2:016x}"], 5)
    assert store.runs.find("nobody") == ([], 0)
    assert [run.error for run in store.runs.find(state=RunState.FAILED)[0]] == ["it broke"]


def test_the_oldest_ended_runs_are_forgotten(store: SqlStore) -> None:
    for number in range(KEPT + 2):
        store.runs.open(make_run(number), ME)
        if number != 1:
            store.runs.end(f"{number:016x}", RunState.FAILED, "", None, 1.0)
    assert store.runs.find()[1] == KEPT + 2
    store.runs.open(make_run(KEPT + 2), ME)
    with pytest.raises(NotFound):
        store.runs.get(f"{0:016x}")
    assert store.runs.get(f"{1:016x}").state is RunState.RUNNING
