"""Experiment 4: packets that vanish between an agent's network and the coordinator's, under TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fault_lab import Lab, free_port, wait_for
from benchmarks.fault_results import LONG, CannotRun, Folder, Result, Size
from coordinator.local_access import LocalAccess
from coordinator.security.authority import create_authority
from coordinator.security.records import Role
from help_core.errors import TimedOut

HOST = "10.77.0.1"
AGENTS_HOST = "10.77.0.2"
DAY_S = 86_400.0
DROP = """table inet faults {
  chain incoming { type filter hook input priority 0; policy drop; }
  chain outgoing { type filter hook output priority 0; policy drop; }
}
"""


def dropped_packets(folder: Folder, size: Size) -> Result:
    """4. Packets dropped, not refused, once for long and five times shortly."""
    names, flap_s = ["a0", "a1"], size.outage_s / 6
    lease_s = 60.0 if size is LONG else 6 * size.outage_s
    with (
        _networks() as networks,
        _RemoteLab(folder, str(folder / "c.db"), lease_s=lease_s, networks=networks) as lab,
    ):
        port = free_port()
        lab.coordinator(port)
        for name in names:
            lab.agent(port, name, delay_s=0.05)
        lab.enqueue(names, int(20 * size.outage_s) + 40)
        wait_for(lambda: lab.stored() > 5, 60, "the first reports")
        # What is on its way when the packets begin to vanish may still be committed.
        with networks.dropping():
            time.sleep(0.5)
            before = lab.stored()
            time.sleep(size.outage_s)
            arrived = lab.stored() - before
        time.sleep(size.outage_s / 3)
        for _ in range(5):
            with networks.dropping():
                time.sleep(flap_s)
            time.sleep(flap_s)
        lab.finish(240)
        counts = lab.counts()
        remark = (
            f"{size.outage_s:.0f} s, then 5 x {flap_s:.1f} s, over TLS; {arrived} reports arrived"
            f" during the first; false evictions {counts.expired}"
        )
        return Result("packets dropped", counts, remark)


@dataclass(frozen=True, slots=True)
class _Networks:
    """A network namespace for the coordinator and one for agents, with a cable between."""

    coordinator: str
    agents: str

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """Every packet to and from the coordinator vanishes while the context lasts."""
        _inside(self.coordinator, "nft", "-f", "-", text=DROP)
        try:
            yield
        finally:
            _inside(self.coordinator, "nft", "delete", "table", "inet", "faults")


@contextmanager
def _networks() -> Iterator[_Networks]:
    if not (shutil.which("ip") and shutil.which("nft")):
        raise CannotRun("needs iproute2 and nftables for network namespaces")
    made = _Networks(f"help-coordinator-{os.getpid()}", f"help-agents-{os.getpid()}")
    try:
        _connect(made)
        yield made
    finally:
        for name in (made.coordinator, made.agents):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _connect(made: _Networks) -> None:
    try:
        _run("ip", "netns", "add", made.coordinator)
        _run("ip", "netns", "add", made.agents)
        _run(
            *("ip", "link", "add", "eth0", "netns", made.coordinator, "type", "veth"),
            *("peer", "name", "eth0", "netns", made.agents),
        )
        for name, host in ((made.coordinator, HOST), (made.agents, AGENTS_HOST)):
            _run("ip", "-n", name, "address", "add", f"{host}/24", "dev", "eth0")
            _run("ip", "-n", name, "link", "set", "eth0", "up")
            _run("ip", "-n", name, "link", "set", "lo", "up")
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip().splitlines() or ["no reason"]
        raise CannotRun(f"needs root for network namespaces ({reason[0]})") from None


def _run(*command: str, text: str = "") -> None:
    subprocess.run(command, check=True, capture_output=True, input=text.encode())


def _inside(name: str, *command: str, text: str = "") -> None:
    _run("ip", "netns", "exec", name, *command, text=text)


class _RemoteLab(Lab):
    """A lab whose agents reach their coordinator over a network, and so enrol with it."""

    def __init__(self, folder: Path, url: str, *, lease_s: float, networks: _Networks) -> None:
        super().__init__(folder, url, lease_s=lease_s)
        self._networks = networks
        self._tls_dir = folder / "tls"

    def coordinator(
        self, port: int, module: str = "coordinator.main", *more: str
    ) -> subprocess.Popen[bytes]:
        """See ``Lab``."""
        create_authority(self._tls_dir, [HOST], time.time())
        command = [module, "serve", "--listen", f"{HOST}:{port}", "--store", self.url]
        command += ["--tls-dir", str(self._tls_dir), "--lease-s", str(self.lease_s), *more]
        log = f"coordinator-{port}.log"
        prefix = ["ip", "netns", "exec", self._networks.coordinator]
        process = self.start(*command, log=log, prefix=prefix)
        path = self.folder / log
        wait_for(lambda: "listens on" in path.read_text(), 60, "the coordinator's start")
        return process

    def agent(
        self, port: int, name: str, delay_s: float = 0.02, state: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """See ``Lab``."""
        folder = state or self.folder / name
        if not (folder / "tls").exists():
            self._enrol(f"{HOST}:{port}", folder)
        return self.play(f"{HOST}:{port}", name, delay_s, state, self._agents_prefix())

    def _agents_prefix(self) -> list[str]:
        return ["ip", "netns", "exec", self._networks.agents]

    def _enrol(self, address: str, state: Path) -> None:
        with LocalAccess(self.url, self._tls_dir) as access:
            token = access.create_token(Role.AGENT_ENROL, state.name, DAY_S).secret
        command = [*self._agents_prefix(), sys.executable, "-m", "agent.main", "enroll"]
        command += ["--coordinator", address, "--ca", str(self._tls_dir / "ca.pem")]
        command += ["--state-dir", str(state)]
        done = subprocess.run(
            command, check=False, capture_output=True, env={**os.environ, "HELP_TOKEN": token}
        )
        if done.returncode != 0:
            raise TimedOut(f"enrolment of {state.name}: {done.stderr.decode().strip()}")
