"""Which keys a known_hosts file holds for a host, with the lines they stand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paramiko.hostkeys import HostKeyEntry, HostKeys, InvalidHostKey
from paramiko.pkey import PKey, UnknownKeyType
from paramiko.ssh_exception import SSHException

from help_core.errors import BadInput

SYSTEM_FILE = Path("/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file."""

    file: Path
    line: int
    names: tuple[str, ...]
    key: PKey
    revoked: bool = False

    def is_of(self, name: str) -> bool:
        """Whether the line is for that host, as plain or hashed name."""
        return any(
            HostKeys.hash_host(name, one) == one if one.startswith("|1|") else one == name
            for one in self.names
        )

    def __str__(self) -> str:
        return f"{self.file} line {self.line}"


def files_to_ask(named: str) -> list[Path]:
    """The named file alone, which must be there; otherwise the user's and the system's."""
    if named:
        if not Path(named).is_file():
            raise BadInput(f"--known-hosts {named}: there is no such file")
        return [Path(named)]
    return [path for path in (Path.home() / ".ssh" / "known_hosts", SYSTEM_FILE) if path.is_file()]


def known_keys(files: Sequence[Path], host: str, port: int) -> list[KnownKey]:
    """All keys of the host in these files; raises ``BadInput`` for a file nobody can read."""
    name = host if port == 22 else f"[{host}]:{port}"
    return [known for path in files for known in _read(path) if known.is_of(name)]


def _read(path: Path) -> list[KnownKey]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    return [known for number, line in enumerate(lines, 1) if (known := _parse(path, number, line))]


def _parse(path: Path, number: int, line: str) -> KnownKey | None:
    marker, _, rest = line.strip().partition(" ")
    revoked = marker == "@revoked"
    if marker.startswith("#") or (marker.startswith("@") and not revoked):
        return None  # a comment, or an authority's key, which paramiko does not know
    try:
        entry = HostKeyEntry.from_line(rest if revoked else line.strip(), number)
    except (InvalidHostKey, SSHException, UnknownKeyType, ValueError):
        return None
    if entry is None or entry.key is None or not entry.hostnames:
        return None
    return KnownKey(path, number, tuple(entry.hostnames), entry.key, revoked)
