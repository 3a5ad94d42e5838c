"""The pages of a coordinator on a real store, called in this process."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from coordinator.clock import AnchoredClock
from coordinator.security.gate import Gate, GuardedGate, OpenGate
from coordinator.security.limits import Limits
from coordinator.security.records import AuditEntry, Role, Token
from coordinator.security.secrets import digest_of, new_secret, new_token_id
from coordinator.signals import Signals, reports_of
from coordinator.store import SqlStore, open_store
from coordinator.usecases.adapt import Adapting
from coordinator.usecases.collect import Collecting
from coordinator.usecases.insight import Insight
from coordinator.usecases.measure import Measuring
from coordinator.usecases.runs import AdaptRuns
from coordinator.web.app import make_app
from coordinator.web.parts import WebParts
from help_core.predictors.registry import get_predictor
from help_core.records import (
    Board,
    Device,
    Measurement,
    Reading,
    Report,
    Settings,
    Summary,
    Verdict,
)
from help_core.spaces import get_gene_space

AGENT = "a" * 32
_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


@dataclass
class Site:
    """A browser in front of the application."""

    parts: WebParts
    http: httpx.AsyncClient
    measured: int = field(default=0)

    async def get(self, path: str, **more: object) -> httpx.Response:
        return await self.http.get(path, **more)  # type: ignore[arg-type]

    async def form_token(self, path: str) -> str:
        page = await self.get(path)
        found = _TOKEN.search(page.text)
        assert found, page.text
        return found[1]

    async def send(self, path: str, page: str = "", **fields: str) -> httpx.Response:
        """Fills in the form of a page and sends it."""
        token = await self.form_token(page or path)
        return await self.http.post(path, data={"form_token": token, **fields})

    def token(self, role: Role) -> str:
        """A new token's secret."""
        secret, now_s = new_secret(role), time.time()
        token = Token(new_token_id(), role, "test", now_s, now_s + 3600)
        entry = AuditEntry(now_s, "test", "create-token", token.id, "test", "ok")
        self.parts.store.access.add_token(token, digest_of(secret), entry)
        return secret

    def measure_all(self) -> int:
        """Plays the agent once: measures every queued job of ``box``."""
        now_s = self.parts.clock.now_s()
        jobs = self.parts.store.lease(AGENT, ["box"], 1000, now_s, 60.0)
        for job in jobs:
            self.measured += 1
            report = Report(
                f"report-{self.measured}", job.job_id, job.token, now_s, measure(job.architecture)
            )
            self.parts.store.record(AGENT, report, now_s)
        if jobs:
            self.parts.signals.ring(reports_of("box"))
        return len(jobs)

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[None]:
        """Measures whatever is queued while the context lasts."""

        async def work() -> None:
            while True:
                self.measure_all()
                await asyncio.sleep(0.02)

        task = asyncio.create_task(work())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def measure(architecture: str) -> Measurement:
    """Latency from the network's multiply-adds, and a warm board."""
    space = get_gene_space("nasbench201")
    latency_ms = 2.0 + 0.15 * space.cost(space.parse(architecture)).multiply_adds / 1e6
    return Measurement(
        (round(latency_ms * 1e6),),
        Summary(*[latency_ms] * 7),
        Verdict.VALID,
        readings=(Reading("cpu_temperature_c", 50.0, 51.5),),
    )


@asynccontextmanager
async def open_site(folder: Path, *, tls: bool = False) -> AsyncIterator[Site]:
    """A site whose store holds the device ``box``; with ``tls`` its gate wants tokens."""
    store = open_store(str(folder / "store.db"))
    parts = make_parts(store, tls=tls)
    store.register(AGENT, "0.1.0", [device("box")], parts.clock.now_s())
    transport = httpx.ASGITransport(make_app(parts), client=("127.0.0.1", 1234))
    scheme = "https" if tls else "http"
    working = asyncio.create_task(parts.runs.run())
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url=f"{scheme}://127.0.0.1:8080"
        ) as http:
            yield Site(parts, http)
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        store.close()


def make_parts(store: SqlStore, *, tls: bool = False) -> WebParts:
    """What the application is put together from."""
    clock, signals = AnchoredClock(), Signals()
    # Time stands still for them: how fast this machine is must not matter.
    limits = Limits(lambda: 0.0)
    gate: Gate = GuardedGate(store.access, clock, limits, frozenset) if tls else OpenGate()
    adapting = Adapting(store, clock, Measuring(store, clock, signals))
    return WebParts(
        store=store,
        clock=clock,
        signals=signals,
        runs=AdaptRuns(store, clock, signals, adapting),
        collecting=Collecting(store, clock, signals),
        insight=Insight(store, clock, get_predictor),
        gate=gate,
        limits=limits,
        key=b"k" * 32,
        hosts=frozenset({"lab.example"}),
        tls=tls,
    )


def device(name: str) -> Device:
    return Device(name, Board("x86", model="test board"), Settings())


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Waits until the condition holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)
