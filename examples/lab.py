"""A fleet to play with: one simulated board, answered by a real agent over real gRPC."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coordinator.fleet import Fleet
from help_core.spaces.nasbench201 import NasBench201

DEVICE = "simulated"


@contextmanager
def fleet(board: str = "replay") -> Iterator[Fleet]:
    """A coordinator with the device ``simulated``, both gone at the end."""
    with tempfile.TemporaryDirectory(prefix="help-example-") as name:
        folder = Path(name)
        table = _made_table(folder / "latencies.csv")
        with Fleet.local() as fleet:
            command = [sys.executable, "-m", "agent.main", "run", "--board", board]
            command += ["--coordinator", fleet.client.address, "--state-dir", str(folder / "agent")]
            command += ["--device", DEVICE]
            command += ["--table", str(table)] if board == "replay" else []
            path = os.pathsep.join(sys.path)  # so that the agent finds the classes of examples
            environment = {**os.environ, "PYTHONPATH": path}
            with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as agent:
                try:
                    while not any(status.device.online for status in fleet.devices()):
                        time.sleep(0.1)
                    yield fleet
                finally:
                    agent.terminate()


def _made_table(path: Path) -> Path:
    space = NasBench201()
    lines = [f"architecture,{DEVICE}"]
    for architecture in space.from_genes(space.all_genes()):
        cost = space.cost(architecture)
        latency_ms = 0.8 + cost.multiply_adds / 2e7 + cost.parameters / 4e5
        lines.append(f'"{architecture}",{latency_ms:.5f}')
    path.write_text("\n".join(lines) + "\n")
    return path
