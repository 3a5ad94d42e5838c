"""``Fleet``: what the command line does, from Python."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import numpy as np

from coordinator.client import Client
from coordinator.credentials import channel_credentials, default_logins, find_login
from coordinator.embedded import embedded
from coordinator.fleet.options import AdaptOptions, CollectOptions, OnProgress
from coordinator.fleet.values import Latencies, Predictions
from help_core.errors import HelpError, MeasurementFailed
from help_core.records import (
    AdaptOrder,
    Answer,
    Calibration,
    CollectionOrder,
    CollectionStatus,
    DeviceStatus,
    Embedding,
    Progress,
    TableOrigin,
)
from help_core.spaces import Architecture

DEFAULT_ADDRESS = "127.0.0.1:50051"
SEARCH_TOP = 3
PREDICT_AT_ONCE = 5000
"""Architectures in one message: far below gRPC's limit, also for the longest strings."""

T = TypeVar("T")
Architectures = Iterable[Architecture | str]


class Fleet:
    """A coordinator and its devices; use as a context manager.

    Architectures are values of a search space or their canonical strings. Errors are
    ``help_core.errors.HelpError`` with one line that names the way out. Ctrl-C during a long
    call cancels it on the coordinator; what was measured is kept.
    """

    def __init__(self, client: Client) -> None:
        """Around a client that this object does not close; rather use ``connect``."""
        self.client = client
        self._closing = ExitStack()

    @classmethod
    def connect(
        cls, address: str = DEFAULT_ADDRESS, *, ca: Path | None = None, token: str = ""
    ) -> Self:
        """Connects with what was given, or what ``help-coord login`` kept.

        Raises ``Unreachable`` within 5 s, ``Unauthenticated`` beyond loopback without a login.
        """
        login = find_login(address, default_logins(), ca, token)
        where = login.connects_to if login and login.connects_to else address
        client = Client(where, channel_credentials(login) if login else None)
        fleet = cls(client)
        fleet._closing.enter_context(client)
        return fleet

    @classmethod
    @contextmanager
    def local(cls, store: str = "") -> Iterator[Self]:
        """A coordinator inside this process, on a port of loopback that agents can reach.

        Its measurements are kept in the file ``store``, or forgotten at the end if that is
        empty. ``client.address`` is what ``help-agent run --coordinator`` wants to know.
        """
        with ExitStack() as closing:
            if not store:
                folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="help-fleet-"))
                store = str(Path(folder) / "coordinator.db")
            address = closing.enter_context(embedded(store))
            yield cls(closing.enter_context(Client(address)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up; a call that another thread waits for ends with ``HelpError``."""
        self._closing.close()

    def devices(self) -> list[DeviceStatus]:
        """All devices of the fleet and what is known of each."""
        return self.client.devices()

    def collections(self) -> list[CollectionStatus]:
        """All collections, the newest first."""
        return self.client.collections()

    def adapt(
        self,
        device: str,
        space: str = "nasbench201",
        *,
        progress: OnProgress | None = None,
        **options: Unpack[AdaptOptions],
    ) -> Answer:
        """The most accurate architectures within the limits, measured on the device.

        Raises ``NotFound`` for an unknown device or space, ``MeasurementFailed`` where too
        little could be measured.
        """
        order = replace(AdaptOrder(device, space), **_tuples(options))
        return _last(self.client.adapt(order), progress)

    def search(
        self,
        device: str,
        space: str = "nasbench201",
        *,
        progress: OnProgress | None = None,
        **options: Unpack[AdaptOptions],
    ) -> Answer:
        """As ``adapt``, from what was measured when the device was adapted last.

        By prediction alone unless ``verify=True``, which measures the winners. Raises
        ``NotFound`` for a device that was never adapted in the space.
        """
        asked: AdaptOptions = {"verify": False, "top": SEARCH_TOP, **options}
        asked["reuse_adaptation"] = True
        return self.adapt(device, space, progress=progress, **asked)

    def predict(self, device: str, architectures: Architectures) -> Predictions:
        """Latencies on a device that was adapted before; nothing is measured."""
        names = _names(architectures)
        rows: list[tuple[str, float, float, float]] = []
        predictor = ""
        for start in range(0, len(names), PREDICT_AT_ONCE):
            part, predictor = self.client.predict(device, names[start : start + PREDICT_AT_ONCE])
            rows += part
        values = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 3)
        return Predictions(
            device, predictor, tuple(names), values[:, 0], values[:, 1], values[:, 2]
        )

    def answer(self, device: str, space: str = "nasbench201") -> Answer:
        """The newest answer that is kept, as ``adapt`` or ``search`` gave it.

        Raises ``NotFound`` for a device that was never adapted in the space.
        """
        return self.client.insight.answer(device, space)

    def embedding(self, device: str, space: str = "nasbench201") -> Embedding:
        """Relative latencies of its support set, beside those of its nearest known devices.

        Raises ``NotFound`` for a device that was never adapted in the space.
        """
        return self.client.insight.embedding(device, space)

    def calibration(self, device: str, space: str = "nasbench201") -> Calibration:
        """What the support set alone predicts of everything else that was measured.

        Raises ``NotFound`` for a device that was never adapted in the space.
        """
        return self.client.insight.calibration(device, space)

    def collect(
        self,
        devices: Sequence[str],
        architectures: Architectures,
        name: str = "",
        *,
        progress: OnProgress | None = None,
        **options: Unpack[CollectOptions],
    ) -> int:
        """Measures architectures on devices and keeps the results; returns how many failed.

        What is measured already is left alone. The collection goes on if this call ends early.
        """
        order = CollectionOrder(
            name or f"python-{uuid.uuid4().hex[:8]}",
            options.get("priority", 0),
            options.get("deadline_in_s"),
        )
        events = self.client.collect(
            order,
            devices,
            _names(architectures),
            options.get("labels"),
            resume=options.get("resume", False),
        )
        return _last(events, progress)

    def measure(
        self, device: str, architectures: Architectures, *, progress: OnProgress | None = None
    ) -> Latencies:
        """Measured latencies; what the store holds is not measured again.

        Raises ``MeasurementFailed`` if one of them could not be measured.
        """
        names = _names(architectures)
        failed = self.collect([device], names, progress=progress)
        if failed:
            raise MeasurementFailed(
                f"{failed} of {len(names)} measurement(s) on {device} failed;"
                " see 'help-coord jobs --state failed'"
            )
        wanted = set(names)
        found = [
            row
            for space in sorted({name.partition(":")[0] for name in names})
            for row in self.latencies(space, [device], TableOrigin.MEASURED).rows
            if row.architecture in wanted
        ]
        return Latencies(tuple(found))

    def latencies(
        self,
        space: str = "nasbench201",
        devices: Sequence[str] = (),
        origin: TableOrigin = TableOrigin.BOTH,
    ) -> Latencies:
        """All latencies of a space: measured, imported, or both."""
        return Latencies(tuple(self.client.export_rows(space, devices, origin)))


def _names(architectures: Architectures) -> list[str]:
    return [str(one) for one in architectures]


def _tuples(options: AdaptOptions) -> dict[str, Any]:
    """The options with their sequences as records want them."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.items()
    }


def _last(events: Iterator[Progress | T], progress: OnProgress | None) -> T:
    for event in events:
        if not isinstance(event, Progress):
            return event
        if progress is not None:
            progress(event)
    raise HelpError("the coordinator ended the request without an answer; see its log")
