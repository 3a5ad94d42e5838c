"""Serves the pages from the coordinator's own event loop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn

from coordinator.clock import Clock
from coordinator.security.authority import Authority
from coordinator.security.certificates import hosts_of
from coordinator.security.setup import Guard
from coordinator.servicers.fleet import UseCases
from coordinator.store import SqlStore
from coordinator.web.app import make_app
from coordinator.web.cookies import KEY_PURPOSE
from coordinator.web.parts import WebParts
from help_core.errors import AddressInUse, HelpError
from help_proto.trust import split_address

log = logging.getLogger(__name__)

DRAIN_S = 2
RENEW_S = 3600.0
MAX_CONNECTIONS = 1000


class _Server(uvicorn.Server):
    """Leaves signals to the coordinator."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


@asynccontextmanager
async def web_pages(
    address: str,
    store: SqlStore,
    use: UseCases,
    guard: Guard,
    authority: Authority | None,
) -> AsyncIterator[str]:
    """Serves while the context lasts; yields the pages' URL. Raises ``AddressInUse``."""
    parts = WebParts(
        store=store,
        clock=use.clock,
        signals=use.signals,
        runs=use.runs,
        collecting=use.collecting,
        insight=use.insight,
        gate=guard.gate,
        limits=guard.limits,
        key=secrets.token_bytes(32) if authority is None else authority.derived_key(KEY_PURPOSE),
        hosts=_hosts(authority),
        tls=authority is not None,
    )
    listener = _bind(address)
    config = uvicorn.Config(
        make_app(parts),
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=MAX_CONNECTIONS,
    )
    config.load()
    tasks = []
    if authority is not None:
        config.ssl = _context(authority, use.clock)
        tasks.append(asyncio.create_task(_renewing(config.ssl, authority, use.clock)))
    server = _Server(config)
    tasks.append(asyncio.create_task(server.serve([listener])))
    scheme = "http" if authority is None else "https"
    host = address.rpartition(":")[0]
    try:
        yield f"{scheme}://{host}:{listener.getsockname()[1]}/"
    finally:
        parts.stopping.set()
        server.should_exit = True
        *others, serving = tasks
        for task in others:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        listener.close()


def _bind(address: str) -> socket.socket:
    host, port = split_address(address)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressInUse(
            f"cannot listen on {address} ({error.strerror}); name another with --http"
        ) from None
    listener.setblocking(False)
    return listener


def _hosts(authority: Authority | None) -> frozenset[str]:
    """The names that the server's certificate is for."""
    if authority is None:
        return frozenset()
    return frozenset(name.lower() for name in hosts_of(authority.server_certificate()))


def _context(authority: Authority, clock: Clock) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load(context, authority, clock)
    return context


def _load(context: ssl.SSLContext, authority: Authority, clock: Clock) -> None:
    # Makes the certificate anew if it is about to end.
    authority.server_pair(clock.now_s())
    context.load_cert_chain(authority.server_file)


async def _renewing(context: ssl.SSLContext, authority: Authority, clock: Clock) -> None:
    """Looks again each hour; new connections are shown what is there then."""
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            await asyncio.to_thread(_load, context, authority, clock)
        except (HelpError, OSError) as error:
            log.error("the certificate of the pages stays as it was: %s", error)
