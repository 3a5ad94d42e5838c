"""The parts of a phone for tests, from Debian and npm, kept outside the repository.

Debian backports has the real adbd; its shell here is mksh and its programs are toybox, as on
Android. The arm64 onnxruntime comes from npm's ``onnxruntime-node``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

PACKAGES = ("adbd", "mksh", "toybox")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://deb.debian.org/debian"
SUITES = ("bookworm", "bookworm-backports")
HEADER_SUITE, HEADER_PACKAGE = "trixie", "libonnxruntime-dev"
ONNXRUNTIME = "1.23.2"
LIBRARY = "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1"
COMPILER = "aarch64-linux-gnu-gcc"
NEEDED = ("apt-get", "dpkg-deb", "npm", COMPILER, "qemu-aarch64-static", "unshare", "nsenter", "ip")
DOWNLOAD_S = 300.0


class Lacking(Exception):
    """Why this machine cannot have a phone for tests."""


def cache_folder() -> Path:
    """Where downloads are kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "help-fleet" / "lab"


def check_tools() -> None:
    """Raises ``Lacking`` if a program is missing."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise Lacking(f"{', '.join(missing)} not found; tests/lab/install.sh installs them")


def packages() -> list[Path]:
    """The arm64 packages of adbd, mksh and toybox with all that they need."""
    folder = _kept("phone-packages-1", lambda target: _apt(SUITES, PACKAGES, target, alone=False))
    return sorted(folder.glob("*.deb"))


def official_header() -> Path:
    """onnxruntime's C API as Debian ships it."""
    folder = _kept(
        "onnxruntime-header-1",
        lambda target: _apt([HEADER_SUITE], [HEADER_PACKAGE], target, alone=True),
    )
    (package,) = folder.glob(f"{HEADER_PACKAGE}*.deb")
    unpacked = folder / "unpacked"
    if not unpacked.is_dir():
        run(["dpkg-deb", "-x", str(package), str(unpacked)])
    return unpacked / "usr/include/onnxruntime/onnxruntime_c_api.h"


def library() -> Path:
    """onnxruntime for arm64 with glibc."""
    return _kept(f"onnxruntime-node-{ONNXRUNTIME}", _npm) / Path(LIBRARY).name


def run(command: list[str], folder: Path | None = None, **environment: str) -> None:
    """Runs a command; raises ``Lacking`` with its last words."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DOWNLOAD_S,
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise Lacking(f"{command[0]} failed: {lines[-1][:200]}")


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    folder = cache_folder() / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=name, dir=folder.parent) as scratch:
            target = Path(scratch) / "target"
            target.mkdir()
            make(target)
            target.rename(folder)
    return folder


def _npm(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="npm-") as scratch:
        run(
            ["npm", "pack", f"onnxruntime-node@{ONNXRUNTIME}", "--pack-destination", scratch],
            npm_config_update_notifier="false",
        )
        (archive,) = Path(scratch).glob("*.tgz")
        with tarfile.open(archive) as files:
            content = files.extractfile(LIBRARY)
            assert content is not None
            (target / Path(LIBRARY).name).write_bytes(content.read())


def _apt(suites: Sequence[str], names: Sequence[str], target: Path, *, alone: bool) -> None:
    """Downloads arm64 packages by a private apt, which leaves this machine's alone.

    ``alone``: without what they need.
    """
    with tempfile.TemporaryDirectory(prefix="apt-") as name:
        apt = Path(name)
        configuration = _private_apt(apt, suites)
        run(["apt-get", "update", "-qq"], APT_CONFIG=configuration)
        if alone:
            run(["apt-get", "download", "-qq", *names], target, APT_CONFIG=configuration)
            return
        command = ["apt-get", "install", "-qq", "-y", "--download-only", "-t", suites[-1]]
        run([*command, *names], APT_CONFIG=configuration)
        for package in (apt / "cache/archives").glob("*.deb"):
            shutil.copy(package, target)


def _private_apt(apt: Path, suites: Sequence[str]) -> str:
    for part in ("state/lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    (apt / "status").touch()
    sources = [f"deb [signed-by={KEYRING}] {MIRROR} {suite} main\n" for suite in suites]
    (apt / "sources.list").write_text("".join(sources))
    configuration = apt / "apt.conf"
    configuration.write_text(
        f'Dir::State "{apt}/state";\nDir::State::status "{apt}/status";\n'
        f'Dir::Cache "{apt}/cache";\nDir::Etc::sourcelist "{apt}/sources.list";\n'
        'Dir::Etc::sourceparts "-";\nAPT::Architecture "arm64";\n'
        'APT::Architectures { "arm64"; };\nAPT::Install-Recommends "false";\n'
        'APT::Sandbox::User "root";\nDebug::NoLocking "true";\nAcquire::Languages "none";\n'
    )
    return str(configuration)
