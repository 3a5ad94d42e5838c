"""Experiments 1, 2, 3: coordinators and agents that are killed or stopped."""

from __future__ import annotations

import random
import signal
import time

import numpy as np

from benchmarks.fault_lab import Lab, free_port, kill, wait_for
from benchmarks.fault_results import Folder, Result, Size


def killed_coordinator(folder: Folder, size: Size) -> Result:
    """1. kill -9 of the coordinator at random moments under load."""
    port, rng = free_port(), random.Random(0)
    names = [f"a{number}" for number in range(size.agents)]
    recovery_s: list[float] = []
    with Lab(folder, str(folder / "c.db"), lease_s=20.0) as lab:
        process = lab.coordinator(port)
        for name in names:
            lab.agent(port, name, delay_s=0.05)
        lab.enqueue(names, size.jobs)
        for _ in range(size.kills):
            wait_for(lambda: lab.stored() > 0, 60, "the first report")
            time.sleep(rng.uniform(0.1, 1.0))
            kill(process)
            begin, before = time.monotonic(), lab.stored()
            lab.keep_busy(names, size.jobs)
            process = lab.coordinator(port)
            wait_for(lambda before=before: lab.stored() > before, 90, "recovery")  # type: ignore[misc]
            recovery_s.append(time.monotonic() - begin)
        lab.finish(300)
        p50, p99 = np.quantile(recovery_s, [0.5, 0.99])
        remark = (
            f"{size.kills} kills; from kill to the next stored report p50 {p50:.1f} s,"
            f" p99 {p99:.1f} s, of which a process takes some to start"
        )
        return Result("coordinator killed", lab.counts(), remark)


def killed_agents(folder: Folder, size: Size) -> Result:
    """2. kill -9 of agents while they measure."""
    port, rng, lease_s = free_port(), random.Random(1), 3.0
    names = [f"a{number}" for number in range(size.agents)]
    with Lab(folder, str(folder / "c.db"), lease_s=lease_s) as lab:
        lab.coordinator(port)
        processes = {name: lab.agent(port, name, delay_s=0.05) for name in names}
        lab.enqueue(names, size.jobs)
        again_s: list[float] = []
        for _ in range(size.kills):
            lab.keep_busy(names, size.jobs)
            name = rng.choice(names)
            wait_for(lambda name=name: bool(lab.leases_of(name)), 60, "a lease")  # type: ignore[misc]
            kill(processes[name])
            begin, held = time.monotonic(), lab.leases_of(name)
            processes[name] = lab.agent(port, name, delay_s=0.05)
            wait_for(
                lambda name=name, held=held: not held & lab.leases_of(name),  # type: ignore[misc]
                60,
                "the end of its leases",
            )
            again_s.append(time.monotonic() - begin)
        lab.finish(300)
        remark = (
            f"{size.kills} kills; leases of killed agents ended after at most {max(again_s):.1f} s;"
            f" they are of {lease_s:.0f} s and looked for each 2 s"
        )
        return Result("agents killed", lab.counts(), remark)


def stopped_agent(folder: Folder, size: Size) -> Result:
    """3. SIGSTOP beyond the lease, then SIGCONT."""
    port = free_port()
    with Lab(folder, str(folder / "c.db"), lease_s=1.5) as lab:
        lab.coordinator(port)
        agent = lab.agent(port, "a0", delay_s=0.4)
        lab.enqueue(["a0"], 12)
        for _ in range(2 * size.rounds):
            lab.keep_busy(["a0"], 12)
            wait_for(lambda: lab.leased() > 0 or lab.open_jobs() == 0, 30, "a lease")
            time.sleep(0.2)
            agent.send_signal(signal.SIGSTOP)
            wait_for(lambda: lab.leased() == 0, 30, "the end of the lease")
            agent.send_signal(signal.SIGCONT)
        lab.finish()
        counts = lab.counts()
        remark = f"{counts.stale} stale reports kept, {counts.merged_stale} merged"
        return Result("agent stopped", counts, remark)
