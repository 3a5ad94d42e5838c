"""How a client comes to trust a coordinator: by the fingerprint of its authority."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import ssl
from contextlib import suppress

import grpc

from help_core.errors import BadInput, HelpError, Unauthenticated, Unreachable
from help_proto.channel import CLIENT_OPTIONS, CONNECT_DEADLINE_S, UNARY_DEADLINE_S
from help_proto.errors import from_rpc
from help_proto.v1 import access_service_pb2 as pb
from help_proto.v1 import access_service_pb2_grpc as rpc


def is_loopback(address: str) -> bool:
    """Whether HOST:PORT is this machine alone."""
    host = split_address(address)[0]
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def split_address(address: str) -> tuple[str, int]:
    """Host (without brackets) and port of HOST:PORT; raises ``BadInput``."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port[:6]) < 65536):
        raise BadInput(f"{address!r} is no HOST:PORT, for example 127.0.0.1:50051")
    return host.strip("[]"), int(port)


def fingerprint(certificate_pem: bytes) -> str:
    """SHA-256 of a certificate in hex: what a person compares; raises ``BadInput``."""
    try:
        der = ssl.PEM_cert_to_DER_cert(certificate_pem.decode("ascii"))
    except ValueError:
        raise BadInput("this is no certificate in PEM") from None
    return hashlib.sha256(der).hexdigest()


def fetch_authority(address: str, expected: str) -> bytes:
    """The certificate of the authority behind ``address``, if it has that fingerprint.

    The server's own certificate is trusted for this one question, whose answer is then
    compared; nothing secret is sent. Raises ``Unauthenticated`` for another fingerprint.
    """
    wanted = _normal(expected)
    host, port = split_address(address)
    try:
        leaf = ssl.get_server_certificate((host, port), timeout=CONNECT_DEADLINE_S).encode()
    except (ssl.SSLError, ConnectionResetError, EOFError):
        raise Unreachable(
            f"{address} does not speak TLS; the coordinator must run with 'help-coord serve --tls'"
        ) from None
    except OSError as error:
        raise Unreachable(
            f"no coordinator answers at {address} ({error.strerror or error});"
            " check the address, and that 'help-coord serve --tls' runs there"
        ) from None
    credentials = grpc.ssl_channel_credentials(root_certificates=leaf)
    with grpc.secure_channel(address, credentials, options=CLIENT_OPTIONS) as channel:
        stub = rpc.EnrolmentServiceStub(channel)
        try:
            answer = stub.GetAuthority(pb.GetAuthorityRequest(), timeout=UNARY_DEADLINE_S)
        except grpc.RpcError as error:
            raise _of_bootstrap(from_rpc(error, address), address) from None
    found = fingerprint(answer.ca_pem)
    if not hmac.compare_digest(found, wanted):
        raise Unauthenticated(
            f"{address} has another fingerprint ({found}) than the one given: either it is not"
            " your coordinator, or its authority was made anew; nothing was sent to it"
        )
    return answer.ca_pem


def fetch_trusted(channel: grpc.Channel, address: str) -> tuple[bytes, int]:
    """All authorities that a coordinator trusts, and its agents' port.

    To be asked on a channel that trusts it already. Empty and 0 if it is too old to say.
    """
    stub = rpc.EnrolmentServiceStub(channel)
    try:
        answer = stub.GetAuthority(pb.GetAuthorityRequest(), timeout=UNARY_DEADLINE_S)
    except grpc.RpcError as error:
        raise from_rpc(error, address) from None
    return answer.trusted_pem, answer.agents_port


def _of_bootstrap(error: HelpError, address: str) -> HelpError:
    if isinstance(error, Unauthenticated):
        host, _ = split_address(address)
        return Unauthenticated(
            f"the certificate of {address} is not made for {host!r}; beside the coordinator run:"
            f" help-coord tls init --host {host}"
        )
    return error


def _normal(text: str) -> str:
    plain = text.removeprefix("SHA256:").replace(":", "").strip().lower()
    if len(plain) != 64 or any(c not in "0123456789abcdef" for c in plain):
        raise BadInput("a fingerprint is 64 hexadecimal digits, as 'help-coord tls show' prints it")
    return plain
