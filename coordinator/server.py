"""Puts a coordinator together and runs it."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection
from help_proto.channel import SERVER_OPTIONS
from help_proto.v1 import agent_service_pb2, fleet_service_pb2
from help_proto.v1.agent_service_pb2_grpc import add_AgentServiceServicer_to_server
from help_proto.v1.fleet_service_pb2_grpc import add_FleetServiceServicer_to_server

from coordinator.clock import AnchoredClock
from coordinator.housekeeping import Housekeeping, OnReady
from coordinator.metrics import Metrics
from coordinator.monitor import monitoring
from coordinator.recorder import Recorder
from coordinator.servicers.agents import AgentServicer
from coordinator.servicers.fleet import FleetServicer, UseCases
from coordinator.signals import Signals
from coordinator.store import Store, open_store
from coordinator.usecases.adapt import Adapting
from coordinator.usecases.agents import LEASE_S, Agents
from coordinator.usecases.collect import Collecting
from coordinator.usecases.measure import Measuring
from coordinator.usecases.predict import Predicting
from coordinator.usecases.tables import Tables
from help_core.errors import AddressInUse, BadInput

log = logging.getLogger(__name__)

DRAIN_S = 5.0


def check_listen(address: str) -> str:
    """``address`` if a coordinator may listen there; raises ``BadInput``.

    Without credentials it listens on this machine alone.
    """
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port[:6]) < 65536):
        raise BadInput(f"--listen {address!r} is no HOST:PORT, for example 127.0.0.1:50051")
    with suppress(ValueError):
        if ipaddress.ip_address(host.strip("[]")).is_loopback:
            return address
    if host == "localhost":
        return address
    raise BadInput(
        f"--listen {address}: beyond loopback the coordinator needs TLS, which it does not offer"
        " yet; use 127.0.0.1 and an ssh tunnel"
    )


@asynccontextmanager
async def running(
    address: str,
    store: Store,
    metrics: Metrics | None = None,
    ready: threading.Event | None = None,
    lease_s: float = LEASE_S,
) -> AsyncIterator[str]:
    """A coordinator that serves while the context lasts; yields its address with the port.

    Raises ``AddressInUse``.
    """
    metrics, ready = metrics or Metrics(), ready or threading.Event()
    parts = await asyncio.to_thread(put_together, store, metrics, lease_s)
    server = grpc.aio.server(options=SERVER_OPTIONS)
    add_AgentServiceServicer_to_server(AgentServicer(parts.agents), server)
    add_FleetServiceServicer_to_server(FleetServicer(parts.use), server)
    set_ready = await _add_standard_services(server)
    _check_free(address)
    port = server.add_insecure_port(address)
    await server.start()
    housekeeping = Housekeeping(
        store, parts.clock, parts.use.signals, metrics, lease_s, ready, set_ready
    )
    tasks = [asyncio.create_task(housekeeping.run()), asyncio.create_task(parts.recorder.run())]
    try:
        yield f"{address.rpartition(':')[0]}:{port}"
    finally:
        # Drain: no new work is handed out, what was delivered is committed and acknowledged.
        tasks[0].cancel()
        await set_ready(False)
        parts.agents.stop()
        await server.stop(DRAIN_S)
        tasks[1].cancel()


@dataclass(frozen=True, slots=True)
class _Parts:
    clock: AnchoredClock
    recorder: Recorder
    agents: Agents
    use: UseCases


def put_together(store: Store, metrics: Metrics, lease_s: float) -> _Parts:
    """The parts of a coordinator, on a clock that all coordinators of the store share."""
    clock, signals = AnchoredClock(store.clock_s()), Signals()
    store.extend_all(clock.now_s(), lease_s)
    measuring = Measuring(store, clock, signals)
    use = UseCases(
        store=store,
        clock=clock,
        signals=signals,
        adapting=Adapting(store, clock, measuring),
        collecting=Collecting(store, clock, signals),
        predicting=Predicting(store, clock),
        tables=Tables(store),
    )
    recorder = Recorder(store, clock, signals, metrics)
    return _Parts(clock, recorder, Agents(store, clock, signals, recorder, metrics, lease_s), use)


def _check_free(address: str) -> None:
    """Raises ``AddressInUse``; gRPC itself would also print its own line on stderr."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
            probe.listen()
        except OSError as error:
            raise AddressInUse(
                f"cannot listen on {address} ({error.strerror});"
                " it is in use by another process: name a free port with --listen"
                if error.errno == errno.EADDRINUSE
                else f"cannot listen on {address} ({error.strerror}); name another with --listen"
            ) from None


async def _add_standard_services(server: grpc.aio.Server) -> OnReady:
    """Health and reflection; returns what tells clients whether to come here."""
    names = [
        agent_service_pb2.DESCRIPTOR.services_by_name["AgentService"].full_name,
        fleet_service_pb2.DESCRIPTOR.services_by_name["FleetService"].full_name,
    ]
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    reflection.enable_server_reflection([*names, health_name, reflection.SERVICE_NAME], server)

    async def set_ready(is_ready: bool) -> None:
        status = health_pb2.HealthCheckResponse
        for name in ("", *names):
            await servicer.set(name, status.SERVING if is_ready else status.NOT_SERVING)

    await set_ready(True)
    return set_ready


async def serve(address: str, store_url: str, monitor: str = "", lease_s: float = LEASE_S) -> None:
    """Serves until SIGINT or SIGTERM, then lets running calls end for a few seconds."""
    store = await asyncio.to_thread(open_store, store_url)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        metrics, ready = Metrics(), threading.Event()
        with monitoring(monitor, metrics, ready) as monitored:
            async with running(address, store, metrics, ready, lease_s) as bound:
                log.info("help-coord listens on %s", bound)
                if monitored:
                    log.info("metrics, health and readiness on http://%s", monitored)
                await stop.wait()
                log.info("stopping")
    finally:
        store.close()
