"""Puts a coordinator together and runs it."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from coordinator.clock import AnchoredClock
from coordinator.servicers.agents import AgentServicer
from coordinator.servicers.fleet import FleetServicer, UseCases
from coordinator.servicers.models import ModelServicer
from coordinator.signals import Signals
from coordinator.store import Store, open_store
from coordinator.usecases.adapt import Adapting
from coordinator.usecases.agents import LEASE_S, Agents
from coordinator.usecases.collect import Collecting
from coordinator.usecases.measure import Measuring
from coordinator.usecases.models import DEFAULT_QUOTA_BYTES, Models
from coordinator.usecases.predict import Predicting
from coordinator.usecases.tables import Tables
from help_core.errors import AddressInUse, BadInput
from help_core.predictors.registry import PredictorSource, get_predictor
from help_proto.channel import SERVER_OPTIONS
from help_proto.v1 import agent_service_pb2, fleet_service_pb2, model_service_pb2
from help_proto.v1.agent_service_pb2_grpc import add_AgentServiceServicer_to_server
from help_proto.v1.fleet_service_pb2_grpc import add_FleetServiceServicer_to_server
from help_proto.v1.model_service_pb2_grpc import add_ModelServiceServicer_to_server

log = logging.getLogger(__name__)

EXPIRE_EVERY_S = 2.0
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


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What a coordinator is started with, besides its address and its store."""

    predictors: PredictorSource = get_predictor
    model_quota_bytes: int = DEFAULT_QUOTA_BYTES


DEFAULTS = ServerOptions()


@asynccontextmanager
async def running(
    address: str, store: Store, options: ServerOptions = DEFAULTS
) -> AsyncIterator[str]:
    """A coordinator that serves while the context lasts; yields its address with the port.

    Raises ``AddressInUse``.
    """
    clock, signals = AnchoredClock(), Signals()
    await asyncio.to_thread(store.extend_all, clock.now_s(), LEASE_S)
    agents = Agents(store, clock, signals)
    measuring = Measuring(store, clock, signals)
    use = UseCases(
        store=store,
        clock=clock,
        adapting=Adapting(store, clock, measuring, options.predictors),
        collecting=Collecting(store, clock, signals),
        predicting=Predicting(store, clock, options.predictors),
        tables=Tables(store),
    )
    server = grpc.aio.server(options=SERVER_OPTIONS)
    add_AgentServiceServicer_to_server(AgentServicer(agents), server)
    add_FleetServiceServicer_to_server(FleetServicer(use), server)
    models = Models(store, clock, options.model_quota_bytes)
    add_ModelServiceServicer_to_server(ModelServicer(models), server)
    await _add_standard_services(server)
    _check_free(address)
    port = server.add_insecure_port(address)
    await server.start()
    expiry = asyncio.create_task(agents.expire_forever(EXPIRE_EVERY_S))
    try:
        yield f"{address.rpartition(':')[0]}:{port}"
    finally:
        expiry.cancel()
        await server.stop(DRAIN_S)


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


async def _add_standard_services(server: grpc.aio.Server) -> None:
    names = [
        agent_service_pb2.DESCRIPTOR.services_by_name["AgentService"].full_name,
        fleet_service_pb2.DESCRIPTOR.services_by_name["FleetService"].full_name,
        model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name,
    ]
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for name in ("", *names):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    reflection.enable_server_reflection([*names, health_name, reflection.SERVICE_NAME], server)


async def serve(address: str, store_url: str, options: ServerOptions) -> None:
    """Serves until SIGINT or SIGTERM, then lets running calls end for a few seconds."""
    store = await asyncio.to_thread(open_store, store_url)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running(address, store, options) as bound:
            log.info("help-coord listens on %s", bound)
            await stop.wait()
            log.info("stopping")
    finally:
        store.close()
