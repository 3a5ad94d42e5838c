"""Bells between requests of one process."""

from __future__ import annotations

import asyncio
import time

from coordinator.signals import Signals


def test_a_ring_between_looking_and_waiting_is_not_missed() -> None:
    async def scenario() -> float:
        signals = Signals()
        with signals.listening("jobs:a", "jobs:b") as bell:
            signals.ring("jobs:b")
            begin = time.monotonic()
            await bell.wait(30)
            return time.monotonic() - begin

    assert asyncio.run(scenario()) < 5


def test_a_bell_that_nobody_rings_ends_at_its_time() -> None:
    async def scenario() -> None:
        signals = Signals()
        with signals.listening("jobs:a") as bell:
            signals.ring("jobs:b")
            await bell.wait(0.01)

    asyncio.run(scenario())
