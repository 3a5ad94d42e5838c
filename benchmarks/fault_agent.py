"""An agent for experiments with faults: ``python -m benchmarks.fault_agent``.

All of it is the agent that ships, except that its replay board takes as long as it is told
to, and that it writes down what it has spooled (``sent``) and what was acknowledged
(``acknowledged``), one key a line, each before the spool acts on it.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agent.backoff import Backoff
from agent.boards.replay import ReplayBoard
from agent.enroll_command import credentials_for
from agent.link import Link
from agent.models import ModelCache, ModelFetcher
from agent.service import Station, serve_stations
from agent.spool import Spool
from agent.state import open_state_dir
from agent.uplink import Uplink
from agent.worker import Worker
from benchmarks.fleet_agents import architectures
from help_core.records import Device, Failure, Measurement, Report, Settings
from help_core.spaces import Architecture, parse_architecture
from help_proto.console import log_to_stderr


class SlowReplay(ReplayBoard):
    """A replay board whose measurements take time."""

    def __init__(self, delay_s: float) -> None:
        latencies = {parse_architecture(name): 5.0 for name in architectures()}
        super().__init__(latencies, "faults")
        self._delay_s = delay_s

    def measure(self, architecture: Architecture, settings: Settings) -> Measurement | Failure:
        """See ``ReplayBoard``."""
        time.sleep(self._delay_s)
        outcome = super().measure(architecture, settings)
        if isinstance(outcome, Failure):
            return outcome
        return replace(outcome, samples_ns=outcome.samples_ns * 30)


class WitnessedSpool(Spool):
    """A spool that leaves a trace of what went in and what was acknowledged."""

    def __init__(self, path: Path, notes: Path) -> None:
        super().__init__(path)
        self._sent = (notes / "sent").open("a", buffering=1)
        self._acknowledged = (notes / "acknowledged").open("a", buffering=1)

    def put(self, report: Report) -> None:
        """See ``Spool``."""
        super().put(report)
        self._sent.write(report.key + "\n")

    def remove(self, keys: Sequence[str]) -> None:
        """See ``Spool``."""
        self._acknowledged.write("".join(f"{key}\n" for key in keys))
        super().remove(keys)


def main() -> None:
    """Serves DEVICE until a signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("device")
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("notes", type=Path)
    parser.add_argument("--delay-s", type=float, default=0.02)
    arguments = parser.parse_args()
    log_to_stderr(verbose=False)
    agent_id = open_state_dir(arguments.state_dir)
    _, held, address = credentials_for(arguments.state_dir, agent_id, arguments.address)
    link = Link(address, agent_id, held.channel() if held else None)
    spool = WitnessedSpool(arguments.state_dir / "spool.sqlite", arguments.notes)
    board = SlowReplay(arguments.delay_s)
    device = Device(arguments.device, board.describe(), Settings(runtime="replay"))
    stop, rng = threading.Event(), random.Random()
    uplink = Uplink(link, spool, stop, Backoff(rng))
    models = ModelFetcher(link, ModelCache(arguments.state_dir / "models"), stop, Backoff(rng))
    devices = {device.name: device}
    backoff = Backoff(rng, most_s=3.0)
    worker = Worker(link, board, devices, spool, stop, backoff, models, time.time)
    serve_stations([Station(worker, board, link)], uplink, link, spool, stop)


if __name__ == "__main__":
    main()
