"""What the pages are put together from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from coordinator.clock import Clock
from coordinator.security.gate import Gate
from coordinator.security.limits import Limits
from coordinator.signals import Signals
from coordinator.store import SqlStore
from coordinator.usecases.collect import Collecting
from coordinator.usecases.insight import Insight
from coordinator.usecases.runs import AdaptRuns


@dataclass(frozen=True, slots=True)
class WebParts:
    """Everything that pages, forms and JSON take; one for a running coordinator."""

    store: SqlStore
    clock: Clock
    signals: Signals
    runs: AdaptRuns
    collecting: Collecting
    insight: Insight
    gate: Gate
    limits: Limits
    key: bytes
    """Signs sessions and forms; coordinators with the same authority share it."""
    hosts: frozenset[str]
    """Names that a browser may call this coordinator by, besides those of loopback."""
    tls: bool
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the streams, so that the server can stop."""
