"""An agent's certificate: its files, how it is asked for, and when it is due for renewal.

Below the agent's state folder, in ``tls/``: ``identity.pem`` (key and certificate, replaced at
once), ``ca.pem``, ``coordinator`` (where agents connect) and, while an answer is awaited,
``pending.key``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from help_core.errors import HelpError, StoreError, Unauthenticated
from help_proto.private_files import read_private, write_private

DAMAGED = "a certificate in the agent's state folder is damaged; enrol again"
BEGIN_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an enrolled agent holds."""

    key_pem: bytes
    certificate_pem: bytes
    ca_pem: bytes
    """The authorities it trusts: two while the fleet's is replaced."""
    enrolled_at: str
    """HOST:PORT that enrolled it."""
    coordinator: str
    """HOST:PORT where it connects."""

    def channel(self) -> grpc.ChannelCredentials:
        """TLS that shows the certificate and trusts the fleet's authority alone."""
        return grpc.ssl_channel_credentials(self.ca_pem, self.key_pem, self.certificate_pem)

    def check(self, agent_id: str, now_unix_s: float) -> None:
        """Raises ``Unauthenticated`` for a certificate that no coordinator would take."""
        certificate = _parse(self.certificate_pem)
        (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if name.value != agent_id:
            raise Unauthenticated(
                f"the certificate is of agent {name.value!r}, not of {agent_id}; enrol again"
            )
        end = certificate.not_valid_after_utc
        if end.timestamp() <= now_unix_s:
            raise Unauthenticated(
                f"this agent's certificate ended on {end:%Y-%m-%d}; enrol again with a new token:"
                " help-agent enroll (or set this machine's clock, if it is wrong)"
            )
        if not any(_issued_by(certificate, one) for one in _parse_all(self.ca_pem)):
            raise Unauthenticated(
                "the agent's certificate is not of the authority in its folder; enrol again"
            )

    def due(self, now_unix_s: float) -> bool:
        """Whether less than a third of the certificate's life is left."""
        certificate = _parse(self.certificate_pem)
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return end - datetime.fromtimestamp(now_unix_s, UTC) < (end - begin) / 3


class CredentialFiles:
    """The credentials below an agent's state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "tls"

    def load(self) -> Credentials | None:
        """What the agent holds, or ``None`` if it was never enrolled.

        Raises ``BadInput`` for a key that others can read, ``StoreError`` for damage.
        """
        identity = self._folder / "identity.pem"
        if not identity.exists():
            return None
        key, begin, certificate = read_private(identity).partition(BEGIN_CERTIFICATE)
        enrolled_at, _, coordinator = self._read("coordinator").decode().strip().partition("\n")
        if not (key and certificate and coordinator):
            raise StoreError(f"{self._folder} is damaged; delete it and enrol again")
        return Credentials(key, begin + certificate, self._read("ca.pem"), enrolled_at, coordinator)

    def save(self, credentials: Credentials) -> None:
        """Keeps them; the identity last, so that it is whole or not there."""
        write_private(self._folder / "ca.pem", credentials.ca_pem)
        addresses = f"{credentials.enrolled_at}\n{credentials.coordinator}\n"
        write_private(self._folder / "coordinator", addresses.encode())
        write_private(
            self._folder / "identity.pem", credentials.key_pem + credentials.certificate_pem
        )
        (self._folder / "pending.key").unlink(missing_ok=True)

    def pending_key(self) -> bytes:
        """The key to ask a certificate for.

        It is kept until the answer is, so that asking again with the same one-time token
        after a lost answer is the same question.
        """
        path = self._folder / "pending.key"
        if path.exists():
            return read_private(path)
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_private(path, key)
        return key

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise StoreError(
                f"{self._folder / name}: cannot be read ({error.strerror}); enrol again"
            ) from None


def _parse(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise StoreError(DAMAGED) from None


def _parse_all(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise StoreError(DAMAGED) from None


def _issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def signing_request(key_pem: bytes) -> bytes:
    """A PKCS #10 request that proves the key; its subject is left to the authority."""
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        raise StoreError("the pending key is damaged; delete pending.key and enrol again") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise HelpError("the pending key is of another kind; delete pending.key and enrol again")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
