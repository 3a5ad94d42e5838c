"""The ports of a coordinator: one in the clear on loopback, or two with TLS.

gRPC in Python can demand a client certificate of everybody on a port or of nobody. Agents
have certificates and users have tokens, so each kind has a port of its own.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import grpc

from coordinator.clock import Clock
from coordinator.security.authority import Authority
from help_core.errors import BadInput, HelpError
from help_proto.trust import is_loopback, split_address

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a coordinator listens; one address for all without TLS."""

    users: str
    agents: str
    pages: str = ""
    """The URL of the pages, if there are any."""


def check_listen(address: str, *, tls: bool, option: str = "--listen") -> str:
    """``address`` if a coordinator may listen there; raises ``BadInput``.

    Without TLS it listens on this machine alone. ``option`` is what the message names.
    """
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port[:6]) < 65536):
        raise BadInput(f"{option} {address!r} is no HOST:PORT, for example 127.0.0.1:50051")
    if tls or is_loopback(address):
        return address
    raise BadInput(
        f"{option} {address}: beyond loopback the coordinator needs TLS;"
        " run 'help-coord tls init --host NAME' once and add --tls"
    )


def agents_address(users: str) -> str:
    """Where agents connect when nothing is said: the port above the users'."""
    host, colon, port = users.rpartition(":")
    return f"{host}{colon}{int(port) + 1 if int(port) else 0}"


def port_of(address: str) -> int:
    """The port of HOST:PORT."""
    return split_address(address)[1]


class _Shown:
    """What handshakes show and whom they trust; follows the authority's folder."""

    def __init__(self, authority: Authority, clock: Clock) -> None:
        self._authority = authority
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_s = clock.now_s()
        self._trusted = b""
        self._configuration = self._read()

    def first(self) -> grpc.ServerCertificateConfiguration:
        """What was read at the start."""
        return self._configuration

    def fetch(self) -> grpc.ServerCertificateConfiguration:
        """Called by gRPC at each handshake, from threads of its own."""
        with self._lock:
            try:
                if self._due():
                    self._configuration = self._read()
            except HelpError as error:
                log.error("the server's certificate stays as it was: %s", error)
            return self._configuration

    def _due(self) -> bool:
        """Once an hour, so that it is renewed in time, and when the authorities changed."""
        if self._clock.now_s() - self._looked_s >= LOOK_AGAIN_S:
            return True
        return self._authority.trusted_pem != self._trusted

    def _read(self) -> grpc.ServerCertificateConfiguration:
        self._looked_s = now_s = self._clock.now_s()
        if self._authority.finish_if_due(now_s):
            log.info("the authority was replaced; its fingerprint: %s", self._authority.fingerprint)
        pair, self._trusted = self._authority.server_pair(now_s), self._authority.trusted_pem
        return grpc.ssl_server_certificate_configuration(
            [(pair.key_pem, pair.chain_pem)], self._trusted
        )


def tls_credentials(
    authority: Authority, clock: Clock
) -> tuple[grpc.ServerCredentials, grpc.ServerCredentials]:
    """Credentials of the users' port and of the agents' port."""
    shown = _Shown(authority, clock)
    users, agents = (
        grpc.dynamic_ssl_server_credentials(
            shown.first(), shown.fetch, require_client_authentication=demanded
        )
        for demanded in (False, True)
    )
    return users, agents
