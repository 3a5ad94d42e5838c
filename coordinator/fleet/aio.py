"""``AsyncFleet``: the same as ``Fleet`` for programs that use asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, Unpack

from coordinator.fleet.options import AdaptOptions, CollectOptions, OnProgress
from coordinator.fleet.sync import DEFAULT_ADDRESS, Architectures, Fleet
from coordinator.fleet.values import Latencies, Predictions
from help_core.records import (
    Answer,
    Calibration,
    CollectionStatus,
    DeviceStatus,
    Embedding,
    Progress,
    TableOrigin,
)

T = TypeVar("T")


class AsyncFleet:
    """A coordinator and its devices; use as an asynchronous context manager.

    Each call has a connection of its own in a thread, so that many wait at once; cancelling
    the task that awaits one hangs up, which cancels the call on the coordinator.
    """

    def __init__(
        self, address: str = DEFAULT_ADDRESS, *, ca: Path | None = None, token: str = ""
    ) -> None:
        self._connect: Callable[[], Fleet] = lambda: Fleet.connect(address, ca=ca, token=token)

    async def __aenter__(self) -> Self:
        """Raises ``Unreachable`` or ``Unauthenticated`` as ``Fleet.connect`` does."""
        fleet = await asyncio.to_thread(self._connect)
        fleet.close()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Every call has closed its own connection."""

    async def _call(self, work: Callable[[Fleet], T]) -> T:
        fleet = await asyncio.to_thread(self._connect)
        try:
            return await asyncio.to_thread(work, fleet)
        finally:
            fleet.close()

    async def devices(self) -> list[DeviceStatus]:
        """See ``Fleet.devices``."""
        return await self._call(lambda fleet: fleet.devices())

    async def collections(self) -> list[CollectionStatus]:
        """See ``Fleet.collections``."""
        return await self._call(lambda fleet: fleet.collections())

    async def adapt(
        self,
        device: str,
        space: str = "nasbench201",
        *,
        progress: OnProgress | None = None,
        **options: Unpack[AdaptOptions],
    ) -> Answer:
        """See ``Fleet.adapt``; ``progress`` is called in the event loop."""
        show = _in_loop(progress)
        return await self._call(lambda fleet: fleet.adapt(device, space, progress=show, **options))

    async def search(
        self,
        device: str,
        space: str = "nasbench201",
        *,
        progress: OnProgress | None = None,
        **options: Unpack[AdaptOptions],
    ) -> Answer:
        """See ``Fleet.search``; ``progress`` is called in the event loop."""
        show = _in_loop(progress)
        return await self._call(lambda fleet: fleet.search(device, space, progress=show, **options))

    async def predict(self, device: str, architectures: Architectures) -> Predictions:
        """See ``Fleet.predict``."""
        return await self._call(lambda fleet: fleet.predict(device, architectures))

    async def answer(self, device: str, space: str = "nasbench201") -> Answer:
        """See ``Fleet.answer``."""
        return await self._call(lambda fleet: fleet.answer(device, space))

    async def embedding(self, device: str, space: str = "nasbench201") -> Embedding:
        """See ``Fleet.embedding``."""
        return await self._call(lambda fleet: fleet.embedding(device, space))

    async def calibration(self, device: str, space: str = "nasbench201") -> Calibration:
        """See ``Fleet.calibration``."""
        return await self._call(lambda fleet: fleet.calibration(device, space))

    async def collect(
        self,
        devices: Sequence[str],
        architectures: Architectures,
        name: str = "",
        *,
        progress: OnProgress | None = None,
        **options: Unpack[CollectOptions],
    ) -> int:
        """See ``Fleet.collect``; ``progress`` is called in the event loop."""
        show = _in_loop(progress)
        return await self._call(
            lambda fleet: fleet.collect(devices, architectures, name, progress=show, **options)
        )

    async def measure(
        self, device: str, architectures: Architectures, *, progress: OnProgress | None = None
    ) -> Latencies:
        """See ``Fleet.measure``; ``progress`` is called in the event loop."""
        show = _in_loop(progress)
        return await self._call(lambda fleet: fleet.measure(device, architectures, progress=show))

    async def latencies(
        self,
        space: str = "nasbench201",
        devices: Sequence[str] = (),
        origin: TableOrigin = TableOrigin.BOTH,
    ) -> Latencies:
        """See ``Fleet.latencies``."""
        return await self._call(lambda fleet: fleet.latencies(space, devices, origin))


def _in_loop(progress: OnProgress | None) -> OnProgress | None:
    if progress is None:
        return None
    loop = asyncio.get_running_loop()

    def show(event: Progress) -> None:
        loop.call_soon_threadsafe(progress, event)

    return show
