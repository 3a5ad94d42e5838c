"""What is known of a device, from kept answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.clock import AnchoredClock
from coordinator.store import SqlStore, open_store
from coordinator.usecases.insight import RUNS_AT_ONCE, Insight, coverage, neighbour
from help_core.errors import NotFound
from help_core.predictors.registry import get_predictor
from help_core.records import (
    AdaptOrder,
    AdaptRun,
    Answer,
    Board,
    Device,
    PredictedPoint,
    Progress,
    RunState,
    Settings,
)
from tests.answers import make_answer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_store(str(tmp_path / "store.db"))
    opened.register("a" * 32, "0.1.0", [Device("box", Board("x86"), Settings())], 0.0)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def answer() -> Answer:
    return replace(make_answer(), device="box")


def keep(store: SqlStore, number: int, answer: Answer, state: RunState = RunState.DONE) -> None:
    """A run that began at ``number`` seconds and has ended."""
    run = AdaptRun(
        id=f"{number:016x}",
        order=AdaptOrder(answer.device, answer.space),
        by="a test",
        detached=True,
        state=RunState.RUNNING,
        started_unix_s=float(number),
        ended_unix_s=None,
        progress=Progress("begin", 0, 1, "begun"),
        error="",
    )
    store.runs.open(run, "m" * 16)
    store.runs.end(run.id, state, "", answer if state is RunState.DONE else None, number + 0.5)


def insight(store: SqlStore) -> Insight:
    return Insight(store, AnchoredClock(), get_predictor)


def test_the_newest_answer_of_the_space_is_found_behind_many_of_another(
    store: SqlStore, answer: Answer
) -> None:
    keep(store, 1, replace(answer, notes=("old",)))
    keep(store, 2, replace(answer, notes=("newest",)))
    keep(store, 3, answer, RunState.FAILED)
    for number in range(4, RUNS_AT_ONCE + 6):
        keep(store, number, replace(answer, space="nasbench201-cifar10", cloud=()))
    assert insight(store).answer("box", "nasbench201").notes == ("newest",)


def test_a_failed_run_is_no_answer(store: SqlStore, answer: Answer) -> None:
    keep(store, 1, answer, RunState.FAILED)
    with pytest.raises(NotFound, match="help-coord adapt --device box --space nasbench201"):
        insight(store).embedding("box", "nasbench201")


def test_the_same_hardware_at_another_speed_is_no_distance_away() -> None:
    own = np.log([1.0, 2.0, 4.0, 8.0])
    found = neighbour(own, own + np.log(7.0), "twin", "fleet")
    assert found is not None
    assert found.distance_percent == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(found.relative, np.exp(own - own.mean()))  # type: ignore[arg-type]


def test_too_little_in_common_is_no_neighbour_and_a_gap_is_none() -> None:
    own = np.log([1.0, 2.0, 4.0, 8.0])
    gap = own.copy()
    gap[0] = np.nan
    found = neighbour(own, gap, "other", "fleet")
    assert found is not None
    assert found.relative[0] is None
    gap[1] = np.nan
    assert neighbour(own, gap, "other", "fleet") is None


def test_coverage_at_90_percent_is_the_share_within_the_intervals() -> None:
    points = [
        PredictedPoint("a", measured, 10.0, 9.0, 12.0) for measured in (8.9, 9.1, 10.0, 11.9, 12.1)
    ]
    held = {point.level: point.held for point in coverage(points)}
    assert held[0.9] == pytest.approx(3 / 5)
    assert held[0.5] <= held[0.9] <= held[0.95]
