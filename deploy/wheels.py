"""The agent's wheel and, for boards without internet, those it depends on."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from deploy.facts import OLDEST_GLIBC, Facts
from deploy.text import last_line
from help_core.errors import BadInput, DeployFailed

PIP_S = 900
_NAME = re.compile(r"help_fleet-([0-9][0-9A-Za-z.+]*)-py3-none-any\.whl")


@dataclass(frozen=True, slots=True)
class Release:
    """One build of the agent with the versions it was tested with."""

    wheel: Path
    constraints: Path | None

    @property
    def version(self) -> str:
        """The distribution's version."""
        found = _NAME.fullmatch(self.wheel.name)
        if found is None:
            raise BadInput(f"{self.wheel}: the name is no help_fleet-VERSION-py3-none-any.whl")
        return found[1]

    @property
    def id(self) -> str:
        """Version and digest: two builds of the same content are one release."""
        digest = hashlib.sha256(_content_digest(self.wheel))
        if self.constraints is not None:
            digest.update(self.constraints.read_bytes())
        return f"{self.version}-{digest.hexdigest()[:12]}"

    @property
    def needs(self) -> str:
        """Digest of what it depends on: releases that need the same share their wheels."""
        with zipfile.ZipFile(self.wheel) as archive:
            metadata = archive.read(f"help_fleet-{self.version}.dist-info/METADATA")
        lines = [line for line in metadata.splitlines() if line.startswith(b"Requires-Dist:")]
        pins = b"" if self.constraints is None else self.constraints.read_bytes()
        return hashlib.sha256(b"\n".join(sorted(lines)) + b"\0" + pins).hexdigest()[:12]

    def requirement(self, folder: str) -> str:
        """What pip is asked to install, with the wheel lying in ``folder``."""
        return f"{folder}/{self.wheel.name}[agent]"


def _content_digest(wheel: Path) -> bytes:
    """Of names and content: when it was zipped does not matter. Raises ``BadInput``."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                digest.update(name.encode() + b"\0" + hashlib.sha256(archive.read(name)).digest())
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise BadInput(f"--wheel {wheel}: cannot be read as a wheel ({error})") from None
    return digest.digest()


def find_release(wheel: Path | None, folder: Path) -> Release:
    """The given wheel, or one built of this checkout into ``folder``."""
    root = Path(__file__).resolve().parents[1]
    checkout = root / "pyproject.toml"
    constraints = root / "constraints.txt"
    pinned = constraints if checkout.is_file() and constraints.is_file() else None
    if wheel is not None:
        release = Release(wheel, pinned)
        release.id  # noqa: B018 (raises for what is no wheel of ours)
        return release
    if not checkout.is_file():
        raise BadInput("this is an installed help-fleet, not a checkout; name a wheel with --wheel")
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(root))
    built = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    if len(built) != 1:
        raise DeployFailed(f"{root}: building gave {len(built)} wheels")
    return Release(built[0], pinned)


def platform_options(facts: Facts) -> list[str]:
    """Options of ``pip download`` for a board: its Python and every glibc up to its own."""
    minors = (
        range(facts.glibc[1], 16, -1) if facts.glibc[0] == OLDEST_GLIBC[0] else range(40, 16, -1)
    )
    tags = [f"manylinux_2_{minor}_{facts.machine}" for minor in minors]
    tags += [f"manylinux2014_{facts.machine}", f"linux_{facts.machine}"]
    python = "{}.{}".format(*facts.python_version)
    options = [f"--platform={tag}" for tag in tags]
    return [*options, "--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]


class WheelHouse:
    """Wheels downloaded on this machine, kept for the next board of the same kind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Boards of a kind wait for the one that downloads, instead of doing it again.
        self._lock = threading.Lock()

    def dependencies(self, release: Release, facts: Facts) -> list[Path]:
        """Wheels of everything the agent needs on that board, pip's own too."""
        kind = f"{facts.machine}-glibc{facts.glibc[1]}-py{facts.python_version[1]}"
        folder = self._folder / f"{release.needs}-{kind}"
        with self._lock:
            if not folder.is_dir():
                wanted = ["pip", release.requirement(str(release.wheel.resolve().parent))]
                pins = [] if release.constraints is None else ["-c", str(release.constraints)]
                self._download(folder, [*platform_options(facts), *pins, *wanted])
        return sorted(path for path in folder.iterdir() if not _NAME.fullmatch(path.name))

    def pip(self) -> Path:
        """A wheel of pip: a board's Python may come without."""
        folder = self._folder / "pip"
        with self._lock:
            if not folder.is_dir():
                self._download(folder, ["--no-deps", "pip"])
        return next(folder.glob("pip-*.whl"))

    def _download(self, folder: Path, words: list[str]) -> None:
        """All or nothing, so that a folder that is there is whole."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            part = Path(name) / "wheels"
            _pip("download", "--dest", str(part), *words)
            # Another process may have been faster; its folder is as good.
            if not folder.is_dir():
                shutil.move(part, folder)


def default_wheel_house() -> Path:
    """The folder of downloaded wheels in the user's cache."""
    return Path(platformdirs.user_cache_dir("help-fleet")) / "wheels"


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PIP_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeployFailed(f"pip {words[0]} took longer than {PIP_S} s on this machine") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = last_line(errors[-1] if errors else done.stderr)
        raise DeployFailed(f"pip {words[0]} failed on this machine: {reason}")
