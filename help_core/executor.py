"""Where independent tasks run: in this process, in local processes, or on a Ray cluster.

    with open_executor("local:4") as executor:
        for number, result in executor.map(function, tasks):
            ...

Functions and tasks are pickled unless they stay in this process, so the function is one that
its module exports.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from signal import SIG_IGN, SIGINT, signal
from typing import Any, Protocol, TypeVar

from help_core.errors import BadInput, Unreachable

T = TypeVar("T")
R = TypeVar("R")

MAX_PROCESSES = 512
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Executor(Protocol):
    """Runs tasks that do not depend on each other."""

    @property
    def workers(self) -> int:
        """How many tasks run at once."""

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[int, R]]:
        """Number and result of each task as it ends; the first error ends them all."""


class InProcess:
    """One task after the other, here: the only one that shows progress within a task."""

    workers = 1

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[int, R]]:
        """Results in the order of the tasks."""
        for number, task in enumerate(tasks):
            yield number, function(task)


@dataclass(frozen=True, slots=True)
class LocalProcesses:
    """Fresh processes on this machine, one thread each."""

    workers: int

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[int, R]]:
        """Results as they come; processes are ended when the caller stops early."""
        context = multiprocessing.get_context("spawn")
        others = set(multiprocessing.active_children())
        with _one_thread_each():
            pool = ProcessPoolExecutor(
                min(self.workers, max(len(tasks), 1)), context, initializer=_ignore_interrupts
            )
            try:
                numbers = {pool.submit(function, task): n for n, task in enumerate(tasks)}
                for future in as_completed(numbers):
                    yield numbers[future], future.result()
            except BaseException:
                # What still runs would be waited for, which can take hours.
                for process in set(multiprocessing.active_children()) - others:
                    process.terminate()
                raise
            finally:
                pool.shutdown(cancel_futures=True)


class RayCluster:
    """The workers of a Ray cluster, which must have this package installed."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    @property
    def workers(self) -> int:
        """Its processors."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def map(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[int, R]]:
        """Results as they come; a task takes one processor."""
        remote = self._ray.remote(function)
        numbers = {remote.remote(task): number for number, task in enumerate(tasks)}
        waiting = list(numbers)
        try:
            while waiting:
                (done,), waiting = self._ray.wait(waiting, num_returns=1)
                yield numbers[done], self._result(done)
        finally:
            for reference in waiting:
                self._ray.cancel(reference, force=True)

    def _result(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            # What the task raised, not Ray's report of it, which is pages long.
            raise error.cause from None


@contextmanager
def open_executor(text: str) -> Iterator[Executor]:
    """The executor of ``local``, ``local:N`` or ``ray://ADDRESS`` while the context lasts.

    ``ray://local`` starts Ray on this machine, ``ray://HOST:PORT`` is a cluster's client
    address; its token is taken from ``RAY_AUTH_TOKEN``. Raises ``BadInput`` for anything else,
    ``Unreachable`` if no cluster answers.
    """
    if text == "local":
        yield InProcess()
    elif text.startswith("local:"):
        count = text.removeprefix("local:")
        if not (count.isdecimal() and 1 <= int(count[:6]) <= MAX_PROCESSES):
            raise BadInput(f"--executor {text!r}: give 1 to {MAX_PROCESSES} processes, as local:4")
        yield LocalProcesses(int(count))
    elif text.startswith("ray://") and len(text) > len("ray://"):
        with _ray_cluster(text) as cluster:
            yield cluster
    else:
        raise BadInput(f"--executor {text!r} is unknown; use local, local:N or ray://ADDRESS")


@contextmanager
def _ray_cluster(address: str) -> Iterator[RayCluster]:
    try:
        import ray
    except ModuleNotFoundError:
        raise BadInput(
            f"--executor {address} needs Ray; install it with: pip install 'help-fleet[ray]'"
        ) from None
    here = address == "ray://local"
    options: dict[str, Any] = {"include_dashboard": False} if here else {}
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    with _variables(quiet), warnings.catch_warnings():
        # Ray warns of what it then raises.
        warnings.simplefilter("ignore")
        try:
            ray.init(
                address="local" if here else address,
                logging_level=logging.ERROR,
                log_to_driver=False,
                runtime_env={"env_vars": dict.fromkeys(THREAD_VARIABLES, "1")},
                **options,
            )
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            reason = str(error).strip().splitlines() or ["no reason given"]
            raise Unreachable(
                f"--executor {address}: no Ray cluster answers: {reason[0]};"
                " a cluster that asks for a token takes it from RAY_AUTH_TOKEN"
            ) from None
    try:
        yield RayCluster(ray)
    finally:
        ray.shutdown()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes that are started meanwhile compute with one thread, unless told otherwise."""
    with _variables({name: os.environ.get(name, "1") for name in THREAD_VARIABLES}):
        yield


@contextmanager
def _variables(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for child processes, put back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; the first one decides for all."""
    signal(SIGINT, SIG_IGN)
