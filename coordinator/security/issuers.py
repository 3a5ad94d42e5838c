"""The authorities in one folder: the one in force and, while it is replaced, the next.

``ca.key`` and ``ca.pem`` are the authority in force, which signs what the server shows. While
it is replaced, ``next.key`` and ``next.pem`` sign agents already, and ``until`` holds the moment
(seconds since 1970) at which they take its place. Each step is one rename, and whoever reads the
folder after a crash completes what was begun.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from coordinator.security.certificates import (
    Issuer,
    PrivateKey,
    certificate_pem,
    key_pem,
    make_authority,
    new_key,
    subject_key,
    utc,
)
from help_core.errors import BadInput, Conflict, NotFound, StoreError
from help_proto.private_files import read_private, write_private

AUTHORITY_LIFETIME = timedelta(days=3650)
KEY, CERTIFICATE = "ca.key", "ca.pem"
NEXT_KEY, NEXT_CERTIFICATE, UNTIL = "next.key", "next.pem", "until"
_WATCHED = (KEY, CERTIFICATE, NEXT_KEY, UNTIL)

Seen = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Issuers:
    """Who signs, and whom both sides trust."""

    current: Issuer
    """Signs the server's certificate."""
    coming: Issuer | None = None
    """Takes the place of ``current``; signs clients already."""
    until_unix_s: float | None = None
    """When it does."""

    @property
    def signs_clients(self) -> Issuer:
        """Signs the certificates of clients."""
        return self.coming or self.current

    @property
    def all(self) -> tuple[Issuer, ...]:
        """Those that are trusted."""
        return (self.current,) if self.coming is None else (self.current, self.coming)

    @property
    def trusted_pem(self) -> bytes:
        """Their certificates, the one in force first."""
        return b"".join(certificate_pem(one.certificate) for one in self.all)

    @property
    def keys(self) -> frozenset[str]:
        """Their keys, as the certificates that they signed name them."""
        return frozenset(subject_key(one.certificate) for one in self.all)


def write_first(folder: Path, now_unix_s: float) -> None:
    """Makes an authority in a folder that has none."""
    _write(folder, KEY, CERTIFICATE, now_unix_s)


def begin_rotation(folder: Path, now_unix_s: float, until_unix_s: float) -> None:
    """Makes the next authority; raises ``Conflict`` if there is one, ``BadInput``, ``NotFound``."""
    if read_issuers(folder).coming is not None:
        raise Conflict(
            f"the authority in {folder} is being replaced already; see 'help-coord tls show', and"
            " end it with 'help-coord tls rotate --finish'"
        )
    if not until_unix_s > now_unix_s:
        raise BadInput("the authority in force must stay trusted for a while: give --days above 0")
    write_private(folder / UNTIL, f"{until_unix_s:.0f}\n".encode())
    # The key comes last: with it the rotation has begun.
    _write(folder, NEXT_KEY, NEXT_CERTIFICATE, now_unix_s)


def finish_rotation(folder: Path) -> None:
    """Puts the next authority in force and drops the other; raises ``Conflict`` if there is none.

    The rename of the key decides; ``read_issuers`` does the rest, here or after a crash.
    """
    if not (folder / NEXT_KEY).exists():
        raise Conflict(f"the authority in {folder} is not being replaced; 'tls rotate' begins it")
    try:
        # Another coordinator on the same folder may be first, which is as good.
        with suppress(FileNotFoundError):
            (folder / NEXT_KEY).replace(folder / KEY)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror})") from None
    read_issuers(folder)


def read_issuers(folder: Path) -> Issuers:
    """The authorities in a folder.

    Raises ``NotFound``, ``BadInput`` for keys that others can read, ``StoreError`` for damage.
    """
    if not (folder / KEY).exists():
        raise NotFound(
            f"there is no authority in {folder}; make one with: help-coord tls init --host NAME"
        )
    _complete_finish(folder)
    current = _issuer(folder, KEY, CERTIFICATE)
    if not (folder / NEXT_KEY).exists():
        return Issuers(current)
    return Issuers(current, _issuer(folder, NEXT_KEY, NEXT_CERTIFICATE), _until(folder))


def seen(folder: Path) -> Seen:
    """What tells that another process has changed the authorities."""
    found = []
    for name in _WATCHED:
        try:
            state = (folder / name).stat()
            found.append((state.st_ino, state.st_mtime_ns))
        except OSError:
            found.append((0, 0))
    return tuple(found)


def _complete_finish(folder: Path) -> None:
    coming = folder / NEXT_CERTIFICATE
    if (folder / NEXT_KEY).exists() or not coming.exists():
        return
    certificate = parse_certificate(coming, _read(coming))
    if _key(folder / KEY).public_key() != certificate.public_key():
        return  # A rotation that was interrupted before its key was written never began.
    try:
        with suppress(FileNotFoundError):
            coming.replace(folder / CERTIFICATE)
        (folder / UNTIL).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror})") from None


def _write(folder: Path, key_name: str, certificate_name: str, now_unix_s: float) -> None:
    key = new_key()
    certificate = make_authority(key, utc(now_unix_s), AUTHORITY_LIFETIME)
    write_private(folder / certificate_name, certificate_pem(certificate))
    write_private(folder / key_name, key_pem(key))


def _issuer(folder: Path, key_name: str, certificate_name: str) -> Issuer:
    path = folder / certificate_name
    certificate = parse_certificate(path, _read(path))
    key = _key(folder / key_name)
    if key.public_key() != certificate.public_key():
        raise StoreError(f"{folder / key_name} does not belong to {path}; restore both")
    return Issuer(certificate, key)


def _key(path: Path) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError):
        raise StoreError(f"{path} is damaged; restore it from a backup") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StoreError(f"{path} is a key of another kind; restore it from a backup")
    return key


def _until(folder: Path) -> float:
    path = folder / UNTIL
    try:
        return float(_read(path))
    except ValueError:
        raise StoreError(f"{path} holds no moment; run 'help-coord tls rotate --finish'") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None


def parse_certificate(path: Path, content: bytes) -> x509.Certificate:
    """The certificate that is a file's content; raises ``StoreError``."""
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError:
        raise StoreError(f"{path} is damaged; restore it from a backup") from None
