"""Boards for tests: a real sshd each, on loopback, with keys and a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.processes import Process, free_port, wait_for

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))


@dataclass(frozen=True)
class SshBoard:
    """One running sshd and what a client needs for it."""

    folder: Path
    port: int
    identity: Path

    @property
    def known_line(self) -> str:
        key = (self.folder / "host_key.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{self.port} {' '.join(key)}\n"


def make_key(path: Path) -> Path:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return path


@contextmanager
def ssh_board(folder: Path, identity: Path, *, welcomes: bool = True) -> Iterator[SshBoard]:
    """A board; one that does not welcome knows another key than ``identity``."""
    if SSHD is None or shutil.which("ssh-keygen") is None:
        pytest.skip("sshd is not here; tests/lab/install.sh installs it as root")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    folder.mkdir(parents=True)
    make_key(folder / "host_key")
    allowed = identity if welcomes else make_key(folder / "stranger")
    shutil.copy(f"{allowed}.pub", folder / "authorized_keys")
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPidFile {folder}/sshd.pid\n"
        "UsePAM no\nStrictModes no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\n"
    )
    command = [SSHD, "-D", "-e", "-f", str(config)]
    with Process(command, folder / "sshd.log") as process:
        wait_for(lambda: "Server listening" in process.log.read_text())
        yield SshBoard(folder, port, identity)
        process.stop()
