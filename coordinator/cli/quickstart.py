"""quickstart: the main job on this very machine, with everything it needs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from coordinator.cli.answer_table import show_answer
from coordinator.cli.options import AsJson
from coordinator.cli.picture import draw_front
from coordinator.cli.progress import watch
from coordinator.cli.search_options import MaxLatency
from coordinator.client import Client
from coordinator.embedded import embedded
from help_core.errors import HelpError, MeasurementFailed, StoreError
from help_core.records import AdaptOrder, Answer, Progress
from help_proto.console import print_json

DEVICE = "this-machine"
STOP_S = 15.0
CONNECT_S = 20.0


def quickstart(
    out: Annotated[
        Path, typer.Option(help="Folder for the store, the picture and the log.")
    ] = Path("quickstart-output"),
    max_latency_ms: MaxLatency = None,
    top: Annotated[int, typer.Option(help="Architectures to show for each limit.")] = 1,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure again what an earlier run measured.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find the most accurate NAS-Bench-201 networks for this very machine, in two minutes.

    Starts a coordinator and an agent here, measures ten reference networks, adapts the
    predictor, confirms the winners by measuring them and draws the front.
    """
    order = AdaptOrder(
        device=DEVICE,
        space="nasbench201",
        max_latency_ms=tuple(max_latency_ms or ()),
        top=top,
        fresh=fresh,
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"--out {out}: cannot be made ({error.strerror})") from None
    log = out / "agent.log"
    with (
        embedded(str(out / "coordinator.db")) as address,
        _agent(address, out, log) as agent,
        Client(address) as client,
    ):
        _wait_for_device(client, agent, log)
        answer = watch(_guarded(client.adapt(order), agent, log))
    picture = out / "front.png"
    draw_front(answer, picture)
    if as_json:
        print_json(answer)
        return
    show_answer(answer)
    console = Console()
    console.print(f"\nPicture of the front: {picture.resolve()}", highlight=False, soft_wrap=True)
    console.print(
        "Next, on a fleet: 'help-coord serve' here, on a board 'help-agent run --coordinator"
        " HOST:PORT',\nthen 'help-coord adapt --device NAME --max-latency-ms X'.",
        highlight=False,
        soft_wrap=True,
    )


@contextmanager
def _agent(address: str, folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An agent for this machine, stopped at the end."""
    command = [sys.executable, "-m", "agent.main", "run", "--coordinator", address]
    command += ["--device", DEVICE, "--state-dir", str(folder / "agent")]
    with log.open("wb") as file:
        # A session of its own, so that Ctrl-C ends the request before its agent.
        agent = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield agent
    finally:
        agent.terminate()
        try:
            agent.wait(STOP_S)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()


def _guarded(
    events: Iterator[Progress | Answer], agent: subprocess.Popen[bytes], log: Path
) -> Iterator[Progress | Answer]:
    """The events, as long as the agent lives."""
    for event in events:
        if isinstance(event, Progress):
            _check_alive(agent, log)
        yield event


def _wait_for_device(client: Client, agent: subprocess.Popen[bytes], log: Path) -> None:
    end_s = time.monotonic() + CONNECT_S
    while time.monotonic() < end_s:
        if any(status.device.online for status in client.devices()):
            return
        _check_alive(agent, log)
        time.sleep(0.1)
    raise MeasurementFailed(
        f"the agent did not connect within {CONNECT_S:g} s: {_last_words(log)} (see {log})"
    )


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return " ".join(lines[-2:]) if lines else "it printed nothing"


def _check_alive(agent: subprocess.Popen[bytes], log: Path) -> None:
    if agent.poll() is not None:
        raise HelpError(
            f"the agent ended with exit code {agent.returncode}: {_last_words(log)} (see {log})"
        )
