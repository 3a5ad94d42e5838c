"""A coordinator with TLS in a thread of this process, and what its callers hold."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc

from agent.credentials import signing_request
from coordinator.local_access import LocalAccess
from coordinator.security.authority import Authority, create_authority
from coordinator.security.certificates import key_pem, new_key
from coordinator.security.listeners import Bound
from coordinator.security.records import AuditEntry, Role
from coordinator.security.secrets import digest_of
from coordinator.server import ServerOptions, running
from coordinator.store import SqlStore, open_store
from help_proto.v1 import agent_service_pb2 as agent_pb

STOP_S = 15.0
DAY_S = 86_400.0


@dataclass(frozen=True)
class Secure:
    """A running coordinator with TLS."""

    bound: Bound
    authority: Authority
    store: SqlStore
    folder: Path

    def token(self, role: Role, lifetime_s: float = DAY_S) -> str:
        with LocalAccess(str(self.folder / "s.db"), self.folder / "tls") as access:
            return access.create_token(role, "test", lifetime_s).secret

    def user_channel(self, token: str = "", ca_pem: bytes = b"") -> grpc.Channel:
        tls = grpc.ssl_channel_credentials(ca_pem or self.authority.ca_pem)
        if token:
            call = grpc.access_token_call_credentials(token)
            tls = grpc.composite_channel_credentials(tls, call)
        return grpc.secure_channel(self.bound.users, tls)

    def agent_channel(self, key: bytes, certificate: bytes) -> grpc.Channel:
        tls = grpc.ssl_channel_credentials(self.authority.ca_pem, key, certificate)
        return grpc.secure_channel(self.bound.agents, tls)

    def admit(
        self, agent_id: str, authority: Authority | None = None, days: float = 90.0
    ) -> tuple[bytes, bytes]:
        """A key and a certificate, known to the store, of this authority or another."""
        key = key_pem(new_key())
        issued = (authority or self.authority).sign_agent(
            signing_request(key), agent_id, time.time(), timedelta(days=days)
        )
        entry = AuditEntry(time.time(), "test", "enrol", agent_id, "test", "ok")
        secret = self.token(Role.AGENT_ENROL)
        self.store.access.enrol(digest_of(secret), issued, entry)
        return key, issued.pem


@contextmanager
def secure_coordinator(folder: Path) -> Iterator[Secure]:
    authority = create_authority(folder / "tls", ["127.0.0.1", "localhost"], time.time())
    store = open_store(str(folder / "s.db"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    options = ServerOptions(authority=authority, agents_listen="127.0.0.1:0")
    server = running("127.0.0.1:0", store, options)
    bound = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(STOP_S)
    try:
        yield Secure(bound, authority, store, folder)
    finally:
        closing = server.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(closing, loop).result(STOP_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_S)
        loop.close()
        store.close()


def registration(agent_id: str, device: str) -> agent_pb.RegisterRequest:
    offer = agent_pb.DeviceOffer(name=device)
    offer.settings.threads = offer.settings.batch_size = 1
    offer.settings.precision = "fp32"
    return agent_pb.RegisterRequest(agent_id=agent_id, agent_version="0.1.0", devices=[offer])
