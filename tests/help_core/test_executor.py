from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from help_core.errors import BadInput, NotFound
from help_core.executor import Executor, InProcess, open_executor


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def fail(number: int) -> int:
    raise NotFound(f"nothing under {number}")


def threads(number: int) -> str:
    return os.environ.get("OMP_NUM_THREADS", "")


@pytest.fixture(scope="module", params=["local", "local:2", "ray://local"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param.startswith("ray") and find_spec("ray") is None:
        pytest.skip("Ray is not installed; pip install 'help-fleet[ray]'")
    with open_executor(request.param) as opened:
        yield opened


def test_each_task_is_done_once_and_keeps_its_number(executor: Executor) -> None:
    results = dict(executor.map(square, [3, 4, 5]))
    assert {number: result[0] for number, result in results.items()} == {0: 9, 1: 16, 2: 25}
    here = {result[1] for result in results.values()} == {os.getpid()}
    assert here == isinstance(executor, InProcess)


def test_an_error_of_a_task_is_raised_as_it_was(executor: Executor) -> None:
    with pytest.raises(NotFound, match=r"^nothing under 7$"):
        list(executor.map(fail, [7]))


def test_no_tasks_give_no_results(executor: Executor) -> None:
    assert list(executor.map(square, [])) == []


def test_other_processes_take_one_thread_each(executor: Executor) -> None:
    if not isinstance(executor, InProcess):
        assert dict(executor.map(threads, [0])) == {0: os.environ.get("OMP_NUM_THREADS", "1")}


def test_stopping_early_ends_the_processes() -> None:
    before = set(multiprocessing.active_children())
    with open_executor("local:2") as opened:
        results = opened.map(square, range(50))
        next(results)
        results.close()  # type: ignore[attr-defined]
    assert set(multiprocessing.active_children()) <= before


@pytest.mark.parametrize(
    "text", ["", "local:", "local:0", "local:x", "local:9999", "ray://", "k8s"]
)
def test_an_executor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--executor"), open_executor(text):
        pass
