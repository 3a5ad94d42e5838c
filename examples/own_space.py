"""A search space of one's own, adapted and searched on this very machine.

Needs the package beside it: pip install --no-deps --no-build-isolation ./examples/plugins
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

import numpy as np

from coordinator.fleet import Fleet
from help_core.spaces import get_gene_space
from help_core.spaces.base import sample_genes

DEVICE = "this-machine"


def main() -> None:
    """Measures five architectures of the space and predicts a thousand others."""
    space = get_gene_space("plain")
    drawn = space.from_genes(sample_genes(space, 1000, np.random.default_rng(1)))
    with Fleet.local() as fleet, tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "agent.main", "run", "--device", DEVICE]
        command += ["--coordinator", fleet.client.address, "--state-dir", state]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as agent:
            try:
                while not any(status.device.online for status in fleet.devices()):
                    time.sleep(0.1)
                answer = fleet.adapt(DEVICE, "plain", samples=5, verify=False)
                predicted = fleet.predict(DEVICE, drawn)
            finally:
                agent.terminate()
    for point in answer.support:
        print(f"measured  {point.latency_ms:7.3f} ms  {point.architecture}")
    for index in np.argsort(predicted.latency_ms)[:: len(drawn) // 4]:
        low_ms, high_ms = predicted.low_ms[index], predicted.high_ms[index]
        print(
            f"predicted {predicted.latency_ms[index]:7.3f} ms  {drawn[index]}"
            f"  (90 %: {low_ms:.3f}-{high_ms:.3f})"
        )


if __name__ == "__main__":
    main()
