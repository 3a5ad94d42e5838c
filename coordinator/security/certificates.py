"""X.509 certificates of the fleet: how the authority, servers and agents look in them.

Keys are ECDSA P-256: the TLS library inside gRPC does not take Ed25519 certificates unless
told to, which its Python side cannot.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from help_core.errors import BadInput

PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey

BACKDATED = timedelta(hours=1)
"""Boards without a clock of their own are often a little behind."""

USER_NAME = "user:"
MAX_CSR_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Issuer:
    """A certificate with the key that signs in its name."""

    certificate: x509.Certificate
    key: PrivateKey


def new_key() -> PrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: PrivateKey) -> bytes:
    """The private key, unencrypted; its file is the owner's alone."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def make_authority(key: PrivateKey, now: datetime, lifetime: timedelta) -> x509.Certificate:
    """A self-signed authority that may sign agents and servers, but no further authority."""
    name = _name("help-fleet authority")
    return (
        _builder(name, name, key.public_key(), key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def make_server(
    issuer: Issuer, key: PublicKey, hosts: Sequence[str], now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """A server's certificate for those host names and IP addresses."""
    names = [_host(name) for name in hosts]
    return (
        _leaf(issuer, hosts[0], key, now, lifetime)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def make_client(
    issuer: Issuer, key: PublicKey, name: str, now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """A client's certificate; its common name is an agent's id, or what ``user_name`` gives."""
    return (
        _leaf(issuer, name, key, now, lifetime)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )


def signing_request(key: PrivateKey) -> bytes:
    """A PKCS #10 request that proves the key; its subject is left to the authority."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def user_name(token_id: str) -> str:
    """The common name of a user's certificate, which no agent's id can be."""
    return USER_NAME + token_id


def key_of_request(csr_pem: bytes) -> PublicKey:
    """The key of a signing request that proves it holds the private half.

    Nothing else of the request is used: who it is for is decided here. Raises ``BadInput``.
    """
    if len(csr_pem) > MAX_CSR_BYTES:
        raise BadInput(f"a signing request of {len(csr_pem)} bytes; at most {MAX_CSR_BYTES}")
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        key = request.public_key()
        proven = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput("the signing request cannot be read; enrol again") from None
    if not (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)):
        raise BadInput("the signing request's key is not ECDSA P-256")
    if not proven:
        raise BadInput("the signing request is not signed by its own key")
    return key


def key_digest(key: PublicKey) -> str:
    """SHA-256 of a public key, in hex."""
    return hashlib.sha256(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()


def serial_of(certificate: x509.Certificate) -> str:
    """The serial number in hex, as it is stored."""
    return f"{certificate.serial_number:x}"


def subject_key(certificate: x509.Certificate) -> str:
    """The identifier of a certificate's own key, in hex."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return found.value.digest.hex()


def issuer_key(certificate: x509.Certificate) -> str:
    """The identifier of the key that signed a certificate, in hex; empty if it names none."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return ""
    return (found.value.key_identifier or b"").hex()


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses that a server's certificate is for."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *(str(address) for address in addresses))


def _leaf(
    issuer: Issuer, name: str, key: PublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    subject, parent = _name(name), issuer.certificate.subject
    return (
        _builder(subject, parent, key, issuer.key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PublicKey,
    issuer_key: PublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    # A common name holds at most 64 characters; the names that count are the alternative ones.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _host(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    labels = name.split(".")
    good = all(label and label.replace("-", "").isalnum() and label.isascii() for label in labels)
    if not good or len(name) > 253:
        raise BadInput(f"--host {name[:80]!r} is neither a host name nor an IP address")
    return x509.DNSName(name)


def utc(unix_s: float) -> datetime:
    """A moment for a certificate."""
    return datetime.fromtimestamp(unix_s, UTC)
