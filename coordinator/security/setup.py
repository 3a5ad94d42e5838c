"""Puts the parts together that guard one coordinator."""

from __future__ import annotations

import time
from dataclasses import dataclass

import grpc

from coordinator.clock import Clock
from coordinator.security.authority import Authority
from coordinator.security.gate import Gate, GuardedGate, OpenGate
from coordinator.security.interceptor import AccessInterceptor
from coordinator.security.limits import Limits
from coordinator.security.listeners import Bound, tls_credentials
from coordinator.security.records import AccessStore
from coordinator.servicers.access import AccessServicer, EnrolmentServicer
from coordinator.usecases.access import Access
from help_proto.v1.access_service_pb2_grpc import (
    add_AccessServiceServicer_to_server,
    add_EnrolmentServiceServicer_to_server,
)


@dataclass(frozen=True, slots=True)
class Protection:
    """How a coordinator is to be protected."""

    store: AccessStore
    authority: Authority | None = None
    agents_listen: str = ""


class Guard:
    """The gate of one running coordinator."""

    def __init__(self, protection: Protection, clock: Clock) -> None:
        self._protection = protection
        self._clock = clock
        # Not the coordinator's clock, which may follow that of a database server.
        self._limits = Limits(time.monotonic)
        if protection.authority is None:
            self._gate: OpenGate | GuardedGate = OpenGate()
        else:
            authority = protection.authority
            self._gate = GuardedGate(
                protection.store, clock, self._limits, lambda: authority.issuers.keys
            )

    @property
    def gate(self) -> Gate:
        """Who may do what."""
        return self._gate

    @property
    def limits(self) -> Limits:
        """How much each peer has asked."""
        return self._limits

    def interceptor(self) -> grpc.aio.ServerInterceptor:
        """To be given to the server."""
        return AccessInterceptor(self._gate, self._limits, self._protection.store, self._clock)

    def listen(self, server: grpc.aio.Server, address: str) -> Bound:
        """Adds the ports, and the services that need to know them."""
        authority = self._protection.authority
        host = address.rpartition(":")[0]
        if authority is None:
            port = agents_port = server.add_insecure_port(address)
        else:
            users, agents = tls_credentials(authority, self._clock)
            port = server.add_secure_port(address, users)
            agents_port = server.add_secure_port(self._protection.agents_listen, agents)
        access = Access(self._protection.store, self._clock, self._gate, authority)
        add_EnrolmentServiceServicer_to_server(
            EnrolmentServicer(access, self._gate, agents_port), server
        )
        add_AccessServiceServicer_to_server(AccessServicer(access, self._gate), server)
        agents_host = self._protection.agents_listen.rpartition(":")[0] or host
        return Bound(f"{host}:{port}", f"{agents_host}:{agents_port}")
