"""Which keys a known_hosts file holds for a host, with the lines they stand on."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from paramiko.hostkeys import HostKeyEntry, InvalidHostKey
from paramiko.pkey import PKey, UnknownKeyType
from paramiko.ssh_exception import SSHException

from help_core.errors import BadInput

SYSTEM_FILE = Path("/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file."""

    file: Path
    line: int
    key: PKey
    revoked: bool = False

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
    return [known for path in files for known in _read(path, name)]


def _read(path: Path, name: str) -> Iterator[KnownKey]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    for number, line in enumerate(lines, 1):
        words = line.split()
        revoked = words[:1] == ["@revoked"]
        fields = words[1:4] if revoked else words[:3]
        # Comments have no host's name; @cert-authority is none either, and paramiko knows none.
        if len(fields) == 3 and _is_named(fields[0], name) and (key := _key(fields)):
            yield KnownKey(path, number, key, revoked)


def _is_named(names: str, name: str) -> bool:
    """sshd(8): names by commas, hashed ones, patterns, and patterns that are excluded by ``!``."""
    parts = names.split(",")
    if any(_matches(part[1:], name) for part in parts if part.startswith("!")):
        return False
    return any(_matches(part, name) for part in parts)


def _matches(part: str, name: str) -> bool:
    if not part.startswith("|1|"):
        return fnmatchcase(name, part.replace("[", "[[]"))
    try:
        salt, digest = (base64.b64decode(one) for one in part.split("|")[2:])
    except ValueError:
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


def _key(fields: Sequence[str]) -> PKey | None:
    try:
        entry = HostKeyEntry.from_line(" ".join(fields))
    except (InvalidHostKey, SSHException, UnknownKeyType, ValueError, IndexError):
        return None
    return None if entry is None else entry.key
