"""A 64-bit Arm userland with the agent's real wheels, built once and kept outside the repository.

Debian's own arm64 packages are unpacked into a folder, by a private apt that leaves this machine's
apt alone, and the agent's requirements are installed beside it as the aarch64 wheels that a
Raspberry Pi would get. Nothing is registered with the kernel and nothing needs root.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list")
PACKAGES = ("python3-minimal", "python3", "libstdc++6")
PYTHON = "3.11"
"""What Debian 12 and Raspberry Pi OS 12 carry."""

GLIBC = ("_2_28", "_2_27", "_2_26", "_2_17", "2014")
PLATFORMS = tuple(f"manylinux{tag}_aarch64" for tag in GLIBC)
NEEDED = ("apt-get", "dpkg-deb", "qemu-aarch64-static")
MINUTES_S = 300.0


class Lacking(Exception):
    """Why this machine cannot have an Arm userland."""


@dataclass(frozen=True, slots=True)
class ArmRoot:
    """The parts of an Arm userland, all read-only for those who use it."""

    folder: Path

    @property
    def system(self) -> Path:
        """``usr`` and ``lib`` of Debian arm64."""
        return self.folder / "system"

    @property
    def wheels(self) -> Path:
        """What ``pip install help-fleet[agent]`` puts beside the agent on aarch64."""
        return self.folder / "wheels"

    @property
    def bytecode(self) -> Path:
        """Compiled modules; compiling them anew under emulation takes long."""
        return self.folder / "bytecode"


def cache_folder() -> Path:
    """Where built roots are kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "help-fleet" / "lab"


def agent_requirements() -> list[str]:
    """Requirements of the distribution and of its ``agent`` extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["agent"]]


def arm_root() -> ArmRoot:
    """The root for these requirements, built if it is not there; raises ``Lacking``."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        raise Lacking(f"{', '.join(missing)} not found; tests/lab/install.sh installs them")
    wanted = (*PACKAGES, *PLATFORMS, *agent_requirements(), (ROOT / "constraints.txt").read_text())
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:16]
    folder = cache_folder() / f"arm64-{digest}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="arm64-", dir=folder.parent) as name:
            scratch = Path(name)
            _unpack_system(scratch)
            _install_wheels(scratch / "root" / "wheels")
            (scratch / "root" / "bytecode").mkdir()
            _put_in_place(scratch / "root", folder)
    return ArmRoot(folder)


def _put_in_place(built: Path, folder: Path) -> None:
    try:
        built.rename(folder)
    except OSError:
        # Another run was first; its root has the same content.
        if not folder.is_dir():
            raise


def _unpack_system(scratch: Path) -> None:
    source = next((path for path in SOURCES if Path(path).exists()), None)
    if source is None:
        raise Lacking("no Debian package source in /etc/apt")
    apt = scratch / "apt"
    for part in ("state/lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    (apt / "status").touch()
    configuration = scratch / "apt.conf"
    configuration.write_text(
        f'Dir::State "{apt}/state";\n'
        f'Dir::State::status "{apt}/status";\n'
        f'Dir::Cache "{apt}/cache";\n'
        f'Dir::Etc::sourcelist "{source}";\n'
        'Dir::Etc::sourceparts "-";\n'
        'APT::Architecture "arm64";\n'
        'APT::Architectures "arm64";\n'
        'APT::Install-Recommends "false";\n'
        'APT::Sandbox::User "root";\n'
        'Debug::NoLocking "true";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(configuration)}
    _run(["apt-get", "update", "-qq"], environment)
    _run(["apt-get", "install", "-qq", "-y", "--download-only", *PACKAGES], environment)
    system = scratch / "root" / "system"
    system.mkdir(parents=True)
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(system)], environment)


def _install_wheels(target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(target), "--only-binary=:all:", "--python-version", PYTHON]
    command += ["--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none"]
    for platform in PLATFORMS:
        command += ["--platform", platform]
    command += ["-c", str(ROOT / "constraints.txt"), *agent_requirements()]
    _run(command, dict(os.environ))


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=MINUTES_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Lacking(f"{command[0]} {command[1]} failed: {last}")
