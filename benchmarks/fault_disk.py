"""Experiment 6: no room on a disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.fault_lab import Lab, free_port, wait_for
from benchmarks.fault_results import CannotRun, Folder, Result, Size


def full_disk(folder: Folder, size: Size) -> Result:
    """6. No room on the agent's disk, then on the coordinator's."""
    port, rounds = free_port(), max(1, size.rounds // 3)
    with ExitStack() as disks:
        store_disk = disks.enter_context(_small_disk(folder / "store", 32))
        lab = disks.enter_context(Lab(folder, str(store_disk / "c.db"), lease_s=20.0))
        lab.coordinator(port)
        log = folder / f"coordinator-{port}.log"
        for number in range(rounds):
            # A new agent each time: a spool that has been large reuses its room for long.
            name = f"a{number}"
            disk = disks.enter_context(_small_disk(folder / f"disk-{name}", 2))
            lab.agent(port, name, delay_s=0.05, state=disk / "state")
            lab.enqueue([name], min(6 * size.jobs, 1200))
            sent, agent_log = folder / name / "sent", folder / f"{name}.log"
            wait_for(partial(_has_content, sent), 60, "the first report")
            _fill_until_said(disk, (agent_log,), size.outage_s / 3)
            _fill_until_said(store_disk, (log, agent_log), size.outage_s / 3)
        lab.finish(240)
        remark = (
            f"{rounds} time(s) on each side; the agent's full disk was said in its log, the"
            " coordinator's in both; all went on"
        )
        return Result("disk full", lab.counts(), remark)


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _fill_until_said(disk: Path, told: Sequence[Path], outage_s: float) -> None:
    """Fills a disk until every log that must say so has, and for a while longer."""
    sizes = {log: log.stat().st_size for log in told}
    _fill_disk(disk)
    for log, size in sizes.items():
        wait_for(
            lambda log=log, size=size: b"full" in log.read_bytes()[size:],  # type: ignore[misc]
            60,
            f"a word in {log.name} on the full disk {disk.name}",
        )
    time.sleep(outage_s)
    (disk / "ballast").unlink()


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
