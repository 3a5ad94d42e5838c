"""The coordinator's own small certificate authority, kept in one folder.

``ca.key`` and ``ca.pem`` sign; ``server.pem`` is what clients are shown, with its key in the
same file so that both are replaced at once. Files with a key are refused if anybody but their
owner can read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coordinator.security.certificates import (
    Issuer,
    certificate_pem,
    hosts_of,
    key_digest,
    key_of_request,
    key_pem,
    make_agent,
    make_authority,
    make_server,
    new_key,
    serial_of,
    utc,
)
from coordinator.security.records import IssuedCertificate
from help_core.errors import BadInput, NotFound, StoreError
from help_proto.private_files import read_private, write_private
from help_proto.trust import fingerprint

AUTHORITY_LIFETIME = timedelta(days=3650)
SERVER_LIFETIME = timedelta(days=365)
AGENT_LIFETIME = timedelta(days=90)

SERVER_FILE = "server.pem"


@dataclass(frozen=True, slots=True)
class ServerPair:
    """What a listener shows: its key, and its certificate with the authority's behind it."""

    key_pem: bytes
    chain_pem: bytes


class Authority:
    """An authority opened from its folder."""

    def __init__(self, folder: Path, issuer: Issuer) -> None:
        self._folder = folder
        self._issuer = issuer
        self.ca_pem = certificate_pem(issuer.certificate)
        self.fingerprint = fingerprint(self.ca_pem)

    @property
    def server_file(self) -> Path:
        """The server's key and certificate."""
        return self._folder / SERVER_FILE

    def derived_key(self, purpose: bytes) -> bytes:
        """A secret of 32 bytes that all who hold the authority's key have for a purpose."""
        secret = self._issuer.key.private_numbers().private_value.to_bytes(32, "big")
        return HKDF(hashes.SHA256(), 32, salt=None, info=purpose).derive(secret)

    def server_certificate(self) -> x509.Certificate:
        """The server's certificate as it is now; raises ``StoreError`` or ``BadInput``."""
        path = self._folder / SERVER_FILE
        return _parse_certificate(path, read_private(path))

    def server_pair(self, now_unix_s: float) -> ServerPair:
        """The server's key and chain, made anew when a third of its life is left."""
        certificate = self.server_certificate()
        if certificate.not_valid_after_utc - utc(now_unix_s) < SERVER_LIFETIME / 3:
            self.make_server(hosts_of(certificate), now_unix_s)
        content = read_private(self._folder / SERVER_FILE)
        key, begin, rest = content.partition(b"-----BEGIN CERTIFICATE-----")
        return ServerPair(key, begin + rest + self.ca_pem)

    def make_server(self, hosts: Sequence[str], now_unix_s: float) -> None:
        """Writes a new key and certificate for the server."""
        key = new_key()
        certificate = make_server(
            self._issuer, key.public_key(), hosts, utc(now_unix_s), SERVER_LIFETIME
        )
        write_private(self._folder / SERVER_FILE, key_pem(key) + certificate_pem(certificate))

    def sign_agent(
        self,
        csr_pem: bytes,
        agent_id: str,
        now_unix_s: float,
        lifetime: timedelta = AGENT_LIFETIME,
    ) -> IssuedCertificate:
        """A client certificate for an agent; raises ``BadInput`` for a bad request."""
        key = key_of_request(csr_pem)
        certificate = make_agent(self._issuer, key, agent_id, utc(now_unix_s), lifetime)
        return IssuedCertificate(
            serial=serial_of(certificate),
            agent_id=agent_id,
            key_digest=key_digest(key),
            pem=certificate_pem(certificate),
            issued_unix_s=now_unix_s,
            expires_unix_s=certificate.not_valid_after_utc.timestamp(),
        )


def create_authority(folder: Path, hosts: Sequence[str], now_unix_s: float) -> Authority:
    """Makes an authority and a server's certificate; keeps an authority that is there."""
    if not hosts:
        raise BadInput("name at least one --host that clients reach this coordinator by")
    if not (folder / "ca.key").exists():
        key = new_key()
        certificate = make_authority(key, utc(now_unix_s), AUTHORITY_LIFETIME)
        write_private(folder / "ca.pem", certificate_pem(certificate))
        write_private(folder / "ca.key", key_pem(key))
    authority = _open(folder)
    authority.make_server(hosts, now_unix_s)
    return authority


def open_authority(folder: Path) -> Authority:
    """The authority in a folder; raises ``NotFound`` if there is none."""
    if not (folder / "ca.key").exists():
        raise NotFound(
            f"there is no authority in {folder}; make one with: help-coord tls init --host NAME"
        )
    return _open(folder)


def _open(folder: Path) -> Authority:
    certificate = _parse_certificate(folder / "ca.pem", _read(folder / "ca.pem"))
    path = folder / "ca.key"
    try:
        key = serialization.load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError):
        raise StoreError(f"{path} is damaged; restore it from a backup") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != (
        certificate.public_key()
    ):
        raise StoreError(f"{path} does not belong to {folder / 'ca.pem'}; restore both")
    return Authority(folder, Issuer(certificate, key))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None


def _parse_certificate(path: Path, content: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError:
        raise StoreError(f"{path} is damaged; restore it from a backup") from None
