"""The coordinator's own small certificate authority, kept in one folder.

Who signs is in ``issuers.py``. ``server.pem`` is what clients are shown, with its key in the same
file so that both are replaced at once. Files with a key are refused if anybody but their owner
can read them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coordinator.security.certificates import (
    certificate_pem,
    hosts_of,
    issuer_key,
    key_digest,
    key_of_request,
    key_pem,
    make_client,
    make_server,
    new_key,
    serial_of,
    subject_key,
    user_name,
    utc,
)
from coordinator.security.issuers import (
    KEY,
    Issuers,
    finish_rotation,
    parse_certificate,
    read_issuers,
    seen,
    write_first,
)
from coordinator.security.records import IssuedCertificate
from help_core.errors import BadInput, HelpError
from help_proto.private_files import read_private, write_private
from help_proto.trust import fingerprint

log = logging.getLogger(__name__)

SERVER_LIFETIME = timedelta(days=365)
AGENT_LIFETIME = timedelta(days=90)

SERVER_FILE = "server.pem"


@dataclass(frozen=True, slots=True)
class ServerPair:
    """What a listener shows: its key, and its certificate with the authority's behind it."""

    key_pem: bytes
    chain_pem: bytes


class Authority:
    """An authority opened from its folder, which follows what happens there. From any thread."""

    def __init__(self, folder: Path) -> None:
        """Raises ``NotFound``, ``BadInput`` or ``StoreError``; see ``read_issuers``."""
        self._folder = folder
        self._lock = threading.Lock()
        self._seen = seen(folder)
        self._issuers = read_issuers(folder)

    @property
    def issuers(self) -> Issuers:
        """The authorities as they are in the folder now, or as they were if it is damaged."""
        with self._lock:
            now = seen(self._folder)
            if now != self._seen:
                self._seen = now
                try:
                    self._issuers = read_issuers(self._folder)
                except HelpError as error:
                    log.error("the authorities stay as they were: %s", error)
            return self._issuers

    @property
    def ca_pem(self) -> bytes:
        """The certificate of the authority in force."""
        return certificate_pem(self.issuers.current.certificate)

    @property
    def fingerprint(self) -> str:
        """Its fingerprint."""
        return fingerprint(self.ca_pem)

    @property
    def trusted_pem(self) -> bytes:
        """The certificates of all authorities that are trusted now."""
        return self.issuers.trusted_pem

    def finish_if_due(self, now_unix_s: float) -> bool:
        """Ends a rotation whose day has come; whether it did."""
        until_s = self.issuers.until_unix_s
        if until_s is None or now_unix_s < until_s:
            return False
        finish_rotation(self._folder)
        return True

    @property
    def server_file(self) -> Path:
        """The server's key and certificate."""
        return self._folder / SERVER_FILE

    def derived_key(self, purpose: bytes) -> bytes:
        """A secret of 32 bytes that all who hold the authority's key have for a purpose."""
        secret = self.issuers.current.key.private_numbers().private_value.to_bytes(32, "big")
        return HKDF(hashes.SHA256(), 32, salt=None, info=purpose).derive(secret)

    def server_certificate(self) -> x509.Certificate:
        """The server's certificate as it is now; raises ``StoreError`` or ``BadInput``."""
        path = self._folder / SERVER_FILE
        return parse_certificate(path, read_private(path))

    def server_pair(self, now_unix_s: float) -> ServerPair:
        """The server's key and chain.

        Made anew when a third of its life is left, or by an authority that has been replaced.
        """
        certificate, current = self.server_certificate(), self.issuers.current
        old = certificate.not_valid_after_utc - utc(now_unix_s) < SERVER_LIFETIME / 3
        if old or issuer_key(certificate) != subject_key(current.certificate):
            self.make_server(hosts_of(certificate), now_unix_s)
        content = read_private(self._folder / SERVER_FILE)
        key, begin, rest = content.partition(b"-----BEGIN CERTIFICATE-----")
        return ServerPair(key, begin + rest + certificate_pem(current.certificate))

    def make_server(self, hosts: Sequence[str], now_unix_s: float) -> None:
        """Writes a new key and certificate for the server."""
        key = new_key()
        certificate = make_server(
            self.issuers.current, key.public_key(), hosts, utc(now_unix_s), SERVER_LIFETIME
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
        certificate = make_client(
            self.issuers.signs_clients, key, agent_id, utc(now_unix_s), lifetime
        )
        return IssuedCertificate(
            serial=serial_of(certificate),
            agent_id=agent_id,
            key_digest=key_digest(key),
            pem=certificate_pem(certificate),
            issued_unix_s=now_unix_s,
            expires_unix_s=certificate.not_valid_after_utc.timestamp(),
        )

    def sign_user(
        self, csr_pem: bytes, token_id: str, now_unix_s: float, lifetime_s: float
    ) -> tuple[str, bytes]:
        """Serial number and PEM of a client certificate for a user; raises ``BadInput``."""
        key, lifetime = key_of_request(csr_pem), timedelta(seconds=lifetime_s)
        issuer, now = self.issuers.signs_clients, utc(now_unix_s)
        certificate = make_client(issuer, key, user_name(token_id), now, lifetime)
        return serial_of(certificate), certificate_pem(certificate)


def create_authority(folder: Path, hosts: Sequence[str], now_unix_s: float) -> Authority:
    """Makes an authority and a server's certificate; keeps an authority that is there."""
    if not hosts:
        raise BadInput("name at least one --host that clients reach this coordinator by")
    if not (folder / KEY).exists():
        write_first(folder, now_unix_s)
    authority = Authority(folder)
    authority.make_server(hosts, now_unix_s)
    return authority


def open_authority(folder: Path) -> Authority:
    """The authority in a folder; raises ``NotFound`` if there is none."""
    return Authority(folder)
