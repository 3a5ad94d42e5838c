"""Several devices measuring the same architectures at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TypeAlias

from coordinator.usecases.measure import Measured, Measuring
from help_core.records import Progress, Purpose

Event: TypeAlias = Progress | Measured | BaseException


async def measure_on_all(
    measuring: Measuring,
    devices: Sequence[str],
    architectures: Sequence[str],
    purpose: Purpose,
    *,
    fresh: bool,
) -> AsyncGenerator[Progress | dict[str, Measured]]:
    """Progress over all devices, then what each has measured.

    The first error of a device ends the others, whose jobs that nobody has begun are
    cancelled, as they are when the caller goes away.
    """
    queue: asyncio.Queue[tuple[str, Event]] = asyncio.Queue()

    async def follow(device: str) -> None:
        try:
            events = measuring.measure(device, architectures, purpose, fresh=fresh)
            async with aclosing(events) as running:
                async for event in running:
                    await queue.put((device, event))
        except Exception as error:
            await queue.put((device, error))

    tasks = [asyncio.create_task(follow(device)) for device in devices]
    latest: dict[str, Progress] = {}
    found: dict[str, Measured] = {}
    try:
        while len(found) < len(devices):
            device, event = await queue.get()
            if isinstance(event, BaseException):
                raise event
            if isinstance(event, Measured):
                found[device] = event
            else:
                latest[device] = event
                yield _sum(latest, event, len(devices))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    yield {device: found[device] for device in devices}


def _sum(latest: Mapping[str, Progress], event: Progress, devices: int) -> Progress:
    """Of all devices; those that have not spoken yet have done nothing of as much."""
    done = sum(one.done for one in latest.values())
    return Progress(event.phase, done, devices * event.total, event.message)
