"""Enrols an agent once, and renews its certificate before it ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

import grpc

from agent.credentials import CredentialFiles, Credentials, signing_request
from agent.link import Link
from help_core.errors import HelpError
from help_proto.channel import CLIENT_OPTIONS, UNARY_DEADLINE_S
from help_proto.errors import from_rpc
from help_proto.trust import split_address
from help_proto.v1 import access_service_pb2 as pb
from help_proto.v1 import access_service_pb2_grpc as rpc

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3600.0


def enrol(
    files: CredentialFiles, address: str, ca_pem: bytes, token: str, agent_id: str
) -> Credentials:
    """Trades a one-time token for a certificate and keeps it."""
    key = files.pending_key()
    request = pb.EnrolRequest(token=token, agent_id=agent_id, csr_pem=signing_request(key))
    tls = grpc.ssl_channel_credentials(root_certificates=ca_pem)
    with grpc.secure_channel(address, tls, options=CLIENT_OPTIONS) as channel:
        try:
            answer = rpc.EnrolmentServiceStub(channel).Enrol(request, timeout=UNARY_DEADLINE_S)
        except grpc.RpcError as error:
            raise from_rpc(error, address) from None
    host, _ = split_address(address)
    host = f"[{host}]" if ":" in host else host
    agents = f"{host}:{answer.agents_port}"
    credentials = Credentials(key, answer.certificate_pem, ca_pem, address, agents)
    files.save(credentials)
    return credentials


def renew(files: CredentialFiles, held: Credentials, address: str, agent_id: str) -> Credentials:
    """A new key and certificate in place of the present ones."""
    key = files.pending_key()
    request = pb.RenewRequest(agent_id=agent_id, csr_pem=signing_request(key))
    with grpc.secure_channel(address, held.channel(), options=CLIENT_OPTIONS) as channel:
        try:
            answer = rpc.EnrolmentServiceStub(channel).Renew(request, timeout=UNARY_DEADLINE_S)
        except grpc.RpcError as error:
            raise from_rpc(error, address) from None
    renewed = replace(held, key_pem=key, certificate_pem=answer.certificate_pem)
    files.save(renewed)
    return renewed


class Renewal(threading.Thread):
    """Looks once an hour whether the certificate is due, and puts a new one into the link."""

    def __init__(
        self,
        files: CredentialFiles,
        held: Credentials,
        link: Link,
        stop: threading.Event,
        wall_clock_s: Callable[[], float],
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        super().__init__(name="renewal", daemon=True)
        self._files = files
        self._held = held
        self._link = link
        self._stop_event = stop
        self._wall_clock_s = wall_clock_s
        self._every_s = every_s

    def run(self) -> None:
        """Renews when due; what fails is tried again at the next look."""
        while not self._stop_event.is_set():
            if self._held.due(self._wall_clock_s()):
                try:
                    self._renew()
                except HelpError as error:
                    self._say_why(error)
            self._stop_event.wait(self._every_s)

    def _renew(self) -> None:
        self._held = renew(self._files, self._held, self._link.address, self._link.agent_id)
        self._link.reconnect(self._held.channel())
        log.info("the certificate was renewed")

    def _say_why(self, error: HelpError) -> None:
        """A certificate that has ended cannot be renewed, and the handshake's error says less."""
        try:
            self._held.check(self._link.agent_id, self._wall_clock_s())
        except HelpError as ended:
            log.error("%s; what is measured stays in the spool until then", ended)
        else:
            log.warning("the certificate could not be renewed yet: %s", error)
