"""Puts a coordinator together and runs it."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from coordinator.announce import next_step, start_lines
from coordinator.clock import AnchoredClock
from coordinator.housekeeping import (
    DEFAULT_AUDIT_DAYS,
    AuditPruning,
    Housekeeping,
    OnReady,
)
from coordinator.metrics import Metrics
from coordinator.monitor import monitoring
from coordinator.recorder import Recorder
from coordinator.security.authority import Authority
from coordinator.security.listeners import Bound
from coordinator.security.setup import Guard, Protection
from coordinator.servicers.agents import AgentServicer
from coordinator.servicers.fleet import FleetServicer, UseCases
from coordinator.servicers.models import ModelServicer
from coordinator.signals import Signals
from coordinator.store import SqlStore, open_store
from coordinator.usecases.adapt import Adapting
from coordinator.usecases.agents import LEASE_S, Agents
from coordinator.usecases.collect import Collecting
from coordinator.usecases.insight import Insight
from coordinator.usecases.measure import Measuring
from coordinator.usecases.models import DEFAULT_QUOTA_BYTES, Models
from coordinator.usecases.predict import Predicting
from coordinator.usecases.runs import AdaptRuns
from coordinator.usecases.tables import Tables
from help_core.errors import AddressInUse, BadInput, StoreError
from help_core.predictors.registry import PredictorSource, get_predictor
from help_proto.channel import SERVER_OPTIONS
from help_proto.v1 import (
    access_service_pb2,
    agent_service_pb2,
    fleet_service_pb2,
    model_service_pb2,
)
from help_proto.v1.agent_service_pb2_grpc import add_AgentServiceServicer_to_server
from help_proto.v1.fleet_service_pb2_grpc import add_FleetServiceServicer_to_server
from help_proto.v1.model_service_pb2_grpc import add_ModelServiceServicer_to_server

log = logging.getLogger(__name__)

DRAIN_S = 5.0
GARBAGE_LOOK_EACH = 50_000
"""New objects between two looks of the garbage collector."""
READY_S = 2.0
"""The line that says what to do next waits so long to be the last."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What a coordinator is started with, besides its address and its store.

    With an authority it speaks TLS, and agents connect to ``agents_listen``.
    """

    predictors: PredictorSource = get_predictor
    model_quota_bytes: int = DEFAULT_QUOTA_BYTES
    authority: Authority | None = None
    agents_listen: str = ""
    reflection: bool = False
    monitor: str = ""
    """Where metrics, health and readiness are answered over HTTP; nowhere if empty."""
    lease_s: float = LEASE_S
    http: str = ""
    """Where pages and JSON are served; nowhere if empty."""
    audit_days: int = DEFAULT_AUDIT_DAYS
    """How long audit entries are kept; 0: for ever."""


DEFAULTS = ServerOptions()


@asynccontextmanager
async def running(
    address: str,
    store: SqlStore,
    options: ServerOptions = DEFAULTS,
    metrics: Metrics | None = None,
    ready: threading.Event | None = None,
) -> AsyncIterator[Bound]:
    """A coordinator that serves while the context lasts; yields where it listens.

    Without an authority it serves in the clear, which is for loopback. Raises
    ``AddressInUse``.
    """
    metrics, ready = metrics or Metrics(), ready or threading.Event()
    parts = await asyncio.to_thread(put_together, store, metrics, options)
    guard = Guard(Protection(store.access, options.authority, options.agents_listen), parts.clock)
    server = grpc.aio.server(options=SERVER_OPTIONS, interceptors=[guard.interceptor()])
    add_AgentServiceServicer_to_server(AgentServicer(parts.agents), server)
    add_FleetServiceServicer_to_server(FleetServicer(parts.use), server)
    models = Models(store, parts.clock, options.model_quota_bytes)
    add_ModelServiceServicer_to_server(ModelServicer(models), server)
    set_ready = await _add_standard_services(server, reflect=options.reflection)
    for wanted in filter(None, (address, options.agents_listen)):
        _check_free(wanted)
    bound = guard.listen(server, address)
    await server.start()
    housekeeping = Housekeeping(
        store,
        parts.clock,
        parts.use.signals,
        metrics,
        options.lease_s,
        ready,
        set_ready,
        AuditPruning(store.access, options.audit_days),
    )
    tasks = [asyncio.create_task(housekeeping.run()), asyncio.create_task(parts.recorder.run())]
    runs = asyncio.create_task(parts.use.runs.run())
    try:
        async with _pages(store, parts.use, guard, options) as url:
            yield replace(bound, pages=url)
    finally:
        # Drain: no new work is handed out, what was delivered is committed and acknowledged.
        tasks[0].cancel()
        await set_ready(False)
        parts.agents.stop()
        await server.stop(DRAIN_S)
        runs.cancel()
        with suppress(asyncio.CancelledError):
            await runs
        tasks[1].cancel()


@asynccontextmanager
async def _pages(
    store: SqlStore, use: UseCases, guard: Guard, options: ServerOptions
) -> AsyncIterator[str]:
    """The pages' URL, or nothing where none are wanted."""
    if not options.http:
        yield ""
        return
    try:
        from coordinator.web.listen import web_pages
    except ModuleNotFoundError as error:
        raise BadInput(
            f"--http needs {error.name}: install help-fleet[web], or leave the option out"
        ) from None
    pages = web_pages(options.http, store, use, guard, options.authority)
    async with pages as url:
        yield url


@dataclass(frozen=True, slots=True)
class _Parts:
    clock: AnchoredClock
    recorder: Recorder
    agents: Agents
    use: UseCases


def put_together(store: SqlStore, metrics: Metrics, options: ServerOptions) -> _Parts:
    """The parts of a coordinator, on a clock that all coordinators of the store share."""
    clock, signals = AnchoredClock(store.clock_s()), Signals()
    store.extend_all(clock.now_s(), options.lease_s)
    measuring = Measuring(store, clock, signals)
    adapting = Adapting(store, clock, measuring, options.predictors)
    use = UseCases(
        store=store,
        clock=clock,
        signals=signals,
        runs=AdaptRuns(store, clock, signals, adapting),
        collecting=Collecting(store, clock, signals),
        predicting=Predicting(store, clock, options.predictors),
        tables=Tables(store),
        insight=Insight(store, clock, options.predictors),
    )
    recorder = Recorder(store, clock, signals, metrics)
    agents = Agents(store, clock, signals, recorder, metrics, options.lease_s)
    return _Parts(clock, recorder, agents, use)


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


async def _add_standard_services(server: grpc.aio.Server, *, reflect: bool) -> OnReady:
    """Health and reflection; returns what tells clients whether to come here."""
    files = (agent_service_pb2, fleet_service_pb2, model_service_pb2, access_service_pb2)
    names = [
        service.full_name for file in files for service in file.DESCRIPTOR.services_by_name.values()
    ]
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if reflect:
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        reflection.enable_server_reflection([*names, health_name, reflection.SERVICE_NAME], server)

    async def set_ready(is_ready: bool) -> None:
        status = health_pb2.HealthCheckResponse
        for name in ("", *names):
            await servicer.set(name, status.SERVING if is_ready else status.NOT_SERVING)

    await set_ready(True)
    return set_ready


async def serve(address: str, store_url: str, options: ServerOptions) -> None:
    """Serves until SIGINT or SIGTERM, then lets running calls end for a few seconds."""
    _collect_garbage_less()
    store = await asyncio.to_thread(open_store, store_url)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        metrics, ready = Metrics(), threading.Event()
        with monitoring(options.monitor, metrics, ready) as monitored:
            async with running(address, store, options, metrics, ready) as bound:
                for line in start_lines(bound, options.authority, monitored):
                    log.info("%s", line)
                await asyncio.to_thread(ready.wait, READY_S)
                if not await asyncio.to_thread(_has_devices, store):
                    log.info("%s", next_step(bound, options.authority))
                await stop.wait()
                log.info("stopping")
    finally:
        store.close()


def _collect_garbage_less() -> None:
    """For a process that only serves: reports are many small objects that soon go by themselves.

    By default the collector looks through the newest 700 again and again, and at times through
    all that was ever imported: about a sixth of the time of a busy coordinator.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_LOOK_EACH, 20, 50)


def _has_devices(store: SqlStore) -> bool:
    """Whether any is known; an outage of the store is told elsewhere."""
    try:
        return bool(store.devices(AnchoredClock(store.clock_s()).now_s()))
    except StoreError:
        return True
