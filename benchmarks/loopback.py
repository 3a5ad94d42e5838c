"""Agents beside an embedded coordinator, over real gRPC on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from coordinator.client import Client
from help_core.errors import BadInput, HelpError, MeasurementFailed
from help_core.records import AccuracyRow, AdaptOrder, Answer

CONNECT_S = 120.0
STOP_S = 20.0
ROWS = 5000


@contextmanager
def agent(address: str, folder: Path, device: str, arguments: Sequence[str]) -> Iterator[None]:
    """An agent in a process of its own, connected; ``arguments`` are those of its board."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "agent.main", "run", "--coordinator", address]
    command += ["--device", device, "--state-dir", str(folder / "state"), *arguments]
    with (folder / "agent.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait_until_online(address, device, process, folder / "agent.log")
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def replay(table: Path, space: str) -> list[str]:
    """The arguments of an agent that replays a table."""
    return ["--board", "replay", "--table", str(table), "--space", space]


def _wait_until_online(
    address: str, device: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    end_s = time.monotonic() + CONNECT_S
    with Client(address) as client:
        while time.monotonic() < end_s:
            if any(one.device.online and one.device.name == device for one in client.devices()):
                return
            if process.poll() is not None:
                raise HelpError(f"the agent of {device} ended: {log.read_text()[-300:]}")
            time.sleep(0.2)
    raise MeasurementFailed(f"the agent of {device} did not connect within {CONNECT_S:g} s")


def ask(client: Client, order: AdaptOrder) -> Answer:
    """The answer to an order."""
    *_, answer = client.adapt(order)
    assert isinstance(answer, Answer)
    return answer


def import_accuracies(
    client: Client, space: str, source: str, accuracies: Iterable[tuple[str, float]]
) -> None:
    """Makes these the accuracies of a space."""
    rows = (AccuracyRow(name, percent) for name, percent in accuracies)
    client.import_accuracies(space, source, batched_rows(rows))


def batched_rows(rows: Iterable[AccuracyRow]) -> Iterator[list[AccuracyRow]]:
    """Parts that fit into a message."""
    left = iter(rows)
    while part := list(islice(left, ROWS)):
        yield part


def reference_data() -> Path:
    """The folder of the reference data; raises ``BadInput``."""
    folder = Path(os.environ.get("HELP_REFERENCE_DATA", ""))
    if not (folder / "help").is_dir():
        raise BadInput("set HELP_REFERENCE_DATA to the folder of the reference data")
    return folder
