"""A user's calls to a coordinator; errors of gRPC leave as errors of ours."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import grpc

from coordinator.insight_calls import InsightCalls
from coordinator.model_calls import ModelCalls
from coordinator.reattach import Patience, reattached
from help_core.errors import HelpError, NotFound, Unauthenticated, Unreachable
from help_core.records import (
    AccuracyRow,
    AdaptOrder,
    Answer,
    CollectionOrder,
    CollectionStatus,
    DeviceStatus,
    Job,
    JobState,
    Progress,
    TableOrigin,
    TableRow,
)
from help_proto.channel import CLIENT_OPTIONS, CONNECT_DEADLINE_S, UNARY_DEADLINE_S
from help_proto.convert import (
    enum_number,
    from_collection,
    from_device_status,
    from_job,
    to_job_state,
)
from help_proto.convert_answer import from_answer, from_progress
from help_proto.convert_order import to_adapt
from help_proto.errors import from_rpc
from help_proto.v1 import fleet_service_pb2 as pb
from help_proto.v1 import fleet_service_pb2_grpc as rpc

SLOW_DEADLINE_S = 120.0
"""For calls that score a whole space or write a large table."""
WATCH_EACH_S = 1.0


class Client:
    """Connected to one coordinator; use as a context manager."""

    def __init__(
        self,
        address: str,
        credentials: grpc.ChannelCredentials | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Waits until the coordinator answers; raises ``Unreachable`` within 5 s.

        Without ``credentials`` it speaks in the clear, which a coordinator offers on loopback.
        """
        self.address = address
        self._patience = patience or Patience(time.monotonic, time.sleep)
        self.channel = (
            grpc.insecure_channel(address, options=CLIENT_OPTIONS)
            if credentials is None
            else grpc.secure_channel(address, credentials, options=CLIENT_OPTIONS)
        )
        self._stub = rpc.FleetServiceStub(self.channel)
        self.models = ModelCalls(self.channel, self.errors)
        self.insight = InsightCalls(self._stub, self.errors)
        try:
            grpc.channel_ready_future(self.channel).result(timeout=CONNECT_DEADLINE_S)
        except grpc.FutureTimeoutError:
            error = self._why_not(secure=credentials is not None)
            self.channel.close()
            raise error from None

    def _why_not(self, *, secure: bool) -> HelpError:
        """The error of a channel that did not become ready; a call tells of a failed handshake."""
        try:
            if secure:
                self._stub.ListDevices(pb.ListDevicesRequest(), timeout=CONNECT_DEADLINE_S / 8)
        except grpc.RpcError as error:
            reason = from_rpc(error, self.address)
            if isinstance(reason, Unauthenticated):
                return reason
        return Unreachable(
            f"no coordinator answers at {self.address};"
            " start one with 'help-coord serve' or name another with --coordinator"
            " (for one with TLS, run 'help-coord login' first)"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.channel.close()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns errors of gRPC into errors of ours."""
        try:
            yield
        except grpc.RpcError as error:
            raise from_rpc(error, self.address) from None

    def devices(self) -> list[DeviceStatus]:
        """All devices of the fleet."""
        with self.errors():
            response = self._stub.ListDevices(pb.ListDevicesRequest(), timeout=UNARY_DEADLINE_S)
        return [from_device_status(status) for status in response.devices]

    def jobs(
        self, device: str = "", states: Sequence[JobState] = (), limit: int = 100
    ) -> tuple[list[Job], int]:
        """The newest matching jobs, and how many match."""
        request = pb.ListJobsRequest(
            device=device, states=[to_job_state(state) for state in states], limit=limit
        )
        with self.errors():
            response = self._stub.ListJobs(request, timeout=UNARY_DEADLINE_S)
        return [from_job(job) for job in response.jobs], response.total

    def adapt(self, order: AdaptOrder) -> Generator[Progress | Answer, None, None]:
        """Progress, then the answer; closing the iterator cancels the request.

        It is asked again while the coordinator or its store is away; what was measured is not
        measured again, unless the order is ``fresh``.
        """
        yield from reattached(
            lambda: self._adapt_once(order), lambda: self._adapt_once(order), self._patience
        )

    def _adapt_once(self, order: AdaptOrder) -> Generator[Progress | Answer, None, None]:
        request = to_adapt(order)
        with self.errors():
            # No deadline: it takes as long as the board does, and shows progress meanwhile.
            call = self._stub.Adapt(request)
            try:
                for response in call:
                    if response.WhichOneof("event") == "answer":
                        yield from_answer(response.answer)
                    else:
                        yield from_progress(response.progress)
            finally:
                call.cancel()

    def collect(
        self,
        order: CollectionOrder,
        devices: Sequence[str],
        architectures: Sequence[str],
        labels: Mapping[str, str] | None = None,
        *,
        resume: bool = False,
    ) -> Iterator[Progress | int]:
        """Progress, then the number of failed jobs; see ``collect.Wanted``.

        While the coordinator or its store is away, the collection is looked for again.
        """
        request = pb.CollectRequest(
            devices=devices,
            architectures=architectures,
            collection=order.name,
            labels=labels or {},
            priority=order.priority,
            deadline_in_s=order.deadline_in_s,
            resume=resume,
        )
        yield from reattached(
            lambda: self._collect_once(request),
            lambda: self._watch_collection(order.name),
            self._patience,
        )

    def _collect_once(self, request: pb.CollectRequest) -> Generator[Progress | int, None, None]:
        with self.errors():
            for response in self._stub.Collect(request):
                if response.HasField("progress"):
                    yield from_progress(response.progress)
                else:
                    yield response.failed

    def _watch_collection(self, name: str) -> Generator[Progress | int, None, None]:
        """A collection whose jobs are all queued since it first showed progress."""
        while True:
            begin_s = self._patience.now_s()
            found = next((one for one in self.collections() if one.name == name), None)
            if found is None:
                raise NotFound(f"collection {name} is not known to {self.address} any more")
            message = f"measuring, {found.failed} failed"
            yield Progress("collect", found.total - found.open, found.total, message)
            if not found.open:
                yield found.failed
                return
            # Counting a large collection takes a while, and others want the store too.
            took_s = self._patience.now_s() - begin_s
            self._patience.pause(min(max(WATCH_EACH_S, 10 * took_s), 30.0))

    def collections(self) -> list[CollectionStatus]:
        """All collections, the newest first."""
        with self.errors():
            response = self._stub.ListCollections(
                pb.ListCollectionsRequest(), timeout=UNARY_DEADLINE_S
            )
        return [from_collection(one) for one in response.collections]

    def cancel(self, collection: str = "", job_ids: Sequence[int] = ()) -> int:
        """Cancels queued jobs of a collection or by their ids; how many were."""
        request = pb.CancelJobsRequest(collection=collection, job_ids=job_ids)
        with self.errors():
            return self._stub.CancelJobs(request, timeout=UNARY_DEADLINE_S).cancelled

    def label(self, device: str, labels: Mapping[str, str | None], note: str | None) -> None:
        """Sets labels, removes those that are ``None``, sets the note unless ``None``."""
        request = pb.LabelDeviceRequest(
            device=device,
            labels={key: value for key, value in labels.items() if value is not None},
            removed_labels=[key for key, value in labels.items() if value is None],
            note=note,
        )
        with self.errors():
            self._stub.LabelDevice(request, timeout=UNARY_DEADLINE_S)

    def end_quarantine(self, device: str) -> bool:
        """Gives a device work again; whether it was in quarantine."""
        request = pb.EndQuarantineRequest(device=device)
        with self.errors():
            return self._stub.EndQuarantine(request, timeout=UNARY_DEADLINE_S).was_quarantined

    def predict(
        self, device: str, architectures: Sequence[str]
    ) -> tuple[list[tuple[str, float, float, float]], str]:
        """(architecture, ms, low, high) of each, and the predictor's name."""
        request = pb.PredictRequest(device=device, architectures=architectures)
        with self.errors():
            response = self._stub.Predict(request, timeout=SLOW_DEADLINE_S)
        rows = [
            (row.architecture, row.latency_ms, row.low_ms, row.high_ms)
            for row in response.latencies
        ]
        return rows, response.predictor

    def import_rows(self, space: str, source: str, parts: Iterable[Sequence[TableRow]]) -> int:
        """Adds rows of an imported table, a part at a time; returns how many."""
        requests = (
            pb.ImportTableRequest(
                space=space,
                source=source,
                rows=[
                    pb.TableRow(
                        architecture=row.architecture, device=row.device, latency_ms=row.latency_ms
                    )
                    for row in part
                ],
            )
            for part in parts
        )
        with self.errors():
            return self._stub.ImportTable(requests, timeout=5 * SLOW_DEADLINE_S).rows

    def import_accuracies(
        self, space: str, source: str, parts: Iterable[Sequence[AccuracyRow]]
    ) -> int:
        """Replaces the user's accuracies of a space; returns how many there are now."""
        requests = (
            pb.ImportAccuracyRequest(
                space=space,
                source=source,
                rows=[
                    pb.AccuracyRow(
                        architecture=row.architecture, accuracy_percent=row.accuracy_percent
                    )
                    for row in part
                ],
            )
            for part in parts
        )
        with self.errors():
            return self._stub.ImportAccuracy(requests, timeout=5 * SLOW_DEADLINE_S).rows

    def export_rows(
        self, space: str, devices: Sequence[str], origin: TableOrigin
    ) -> Iterator[TableRow]:
        """The latencies of a space."""
        number = enum_number("TABLE_ORIGIN", pb.TableOrigin, origin)
        request = pb.ExportTableRequest(
            space=space, devices=devices, origin=pb.TableOrigin.ValueType(number)
        )
        with self.errors():
            for response in self._stub.ExportTable(request, timeout=5 * SLOW_DEADLINE_S):
                for row in response.rows:
                    yield TableRow(row.architecture, row.device, row.latency_ms)
