"""``FleetService``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import grpc

from coordinator.clock import Clock
from coordinator.servicers.errors import errors_to_status
from coordinator.servicers.orders import from_collect
from coordinator.signals import Signals, jobs_of
from coordinator.store import Store
from coordinator.usecases.collect import Collecting
from coordinator.usecases.insight import Insight
from coordinator.usecases.predict import Predicting
from coordinator.usecases.runs import AdaptRuns
from coordinator.usecases.tables import Tables
from help_core.errors import BadInput
from help_core.records import AccuracyRow, Progress, TableOrigin, TableRow
from help_proto.convert import (
    enum_value,
    from_job_state,
    text,
    to_collection,
    to_device_status,
    to_job,
)
from help_proto.convert_answer import to_answer, to_progress
from help_proto.convert_insight import to_calibration, to_embedding
from help_proto.convert_order import from_adapt
from help_proto.v1 import fleet_service_pb2 as pb
from help_proto.v1 import fleet_service_pb2_grpc as rpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_LISTED_JOBS = 1000
MAX_ACCURACY_ROWS = 1_000_000
MAX_CANCELLED_JOBS = 10_000
ROWS_PER_MESSAGE = 5000


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the servicer calls."""

    store: Store
    clock: Clock
    signals: Signals
    runs: AdaptRuns
    collecting: Collecting
    predicting: Predicting
    tables: Tables
    insight: Insight


class FleetServicer(rpc.FleetServiceServicer):
    """See ``fleet_service.proto``."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    async def ListDevices(
        self, request: pb.ListDevicesRequest, context: Context
    ) -> pb.ListDevicesResponse:
        """See the proto."""
        async with errors_to_status(context):
            statuses = await asyncio.to_thread(
                self._use.store.device_statuses, self._use.clock.now_s()
            )
        return pb.ListDevicesResponse(devices=[to_device_status(status) for status in statuses])

    async def ListJobs(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:
        """See the proto."""
        async with errors_to_status(context):
            device = text("device", request.device, 64)
            if device:
                await asyncio.to_thread(self._use.store.device, device, self._use.clock.now_s())
            jobs, total = await asyncio.to_thread(
                self._use.store.find_jobs,
                device,
                [from_job_state(state) for state in request.states],
                min(request.limit or MAX_LISTED_JOBS, MAX_LISTED_JOBS),
            )
        return pb.ListJobsResponse(jobs=[to_job(job) for job in jobs], total=total)

    async def Collect(
        self, request: pb.CollectRequest, context: Context
    ) -> AsyncIterator[pb.CollectResponse]:
        """See the proto."""
        async with errors_to_status(context):
            wanted = from_collect(request)
            async with aclosing(self._use.collecting.collect(wanted)) as events:
                failed = 0
                async for progress, status in events:
                    failed = status.failed
                    yield pb.CollectResponse(
                        progress=to_progress(progress), collection=wanted.order.name
                    )
                yield pb.CollectResponse(failed=failed, collection=wanted.order.name)

    async def ListCollections(
        self, request: pb.ListCollectionsRequest, context: Context
    ) -> pb.ListCollectionsResponse:
        """See the proto."""
        async with errors_to_status(context):
            found = await asyncio.to_thread(self._use.store.collections)
        return pb.ListCollectionsResponse(collections=[to_collection(one) for one in found])

    async def CancelJobs(
        self, request: pb.CancelJobsRequest, context: Context
    ) -> pb.CancelJobsResponse:
        """See the proto."""
        async with errors_to_status(context):
            if (
                len(request.job_ids) > MAX_CANCELLED_JOBS
                or max(request.job_ids, default=0) >= 2**63
            ):
                raise BadInput(f"at most {MAX_CANCELLED_JOBS} job ids, each below 2^63")
            count = await self._use.collecting.cancel(request.collection, list(request.job_ids))
        return pb.CancelJobsResponse(cancelled=count)

    async def LabelDevice(
        self, request: pb.LabelDeviceRequest, context: Context
    ) -> pb.LabelDeviceResponse:
        """See the proto."""
        async with errors_to_status(context):
            note = text("note", request.note) if request.HasField("note") else None
            labels = dict.fromkeys(request.removed_labels, None) | dict(request.labels)
            await asyncio.to_thread(self._use.store.label, request.device, labels, note)
        return pb.LabelDeviceResponse()

    async def EndQuarantine(
        self, request: pb.EndQuarantineRequest, context: Context
    ) -> pb.EndQuarantineResponse:
        """See the proto."""
        async with errors_to_status(context):
            was = await asyncio.to_thread(self._use.store.end_quarantine, request.device)
            self._use.signals.ring(jobs_of(request.device))
        return pb.EndQuarantineResponse(was_quarantined=was)

    async def Adapt(
        self, request: pb.AdaptRequest, context: Context
    ) -> AsyncIterator[pb.AdaptResponse]:
        """See the proto."""
        async with errors_to_status(context):
            # Closed at once when the user goes away, so that what nobody began is cancelled.
            adapting = aclosing(self._use.runs.follow(from_adapt(request), "a command"))
            async with adapting as events:
                async for event in events:
                    if isinstance(event, Progress):
                        yield pb.AdaptResponse(progress=to_progress(event))
                    else:
                        yield pb.AdaptResponse(answer=to_answer(event))

    async def Predict(self, request: pb.PredictRequest, context: Context) -> pb.PredictResponse:
        """See the proto."""
        async with errors_to_status(context):
            architectures, prediction, predictor = await self._use.predicting.predict(
                text("device", request.device, 64), list(request.architectures)
            )
        columns = (prediction.latency_ms, prediction.low_ms, prediction.high_ms)
        rows = zip(architectures, *(column.tolist() for column in columns), strict=True)
        return pb.PredictResponse(
            latencies=[
                pb.PredictedLatency(
                    architecture=str(architecture), latency_ms=latency, low_ms=low, high_ms=high
                )
                for architecture, latency, low, high in rows
            ],
            predictor=predictor,
        )

    async def GetAnswer(
        self, request: pb.GetAnswerRequest, context: Context
    ) -> pb.GetAnswerResponse:
        """See the proto."""
        async with errors_to_status(context):
            device = text("device", request.device, 64)
            answer = await asyncio.to_thread(self._use.insight.answer, device, request.space)
        return pb.GetAnswerResponse(answer=to_answer(answer))

    async def GetEmbedding(
        self, request: pb.GetEmbeddingRequest, context: Context
    ) -> pb.GetEmbeddingResponse:
        """See the proto."""
        async with errors_to_status(context):
            device = text("device", request.device, 64)
            found = await asyncio.to_thread(self._use.insight.embedding, device, request.space)
        return pb.GetEmbeddingResponse(embedding=to_embedding(found))

    async def GetCalibration(
        self, request: pb.GetCalibrationRequest, context: Context
    ) -> pb.GetCalibrationResponse:
        """See the proto."""
        async with errors_to_status(context):
            device = text("device", request.device, 64)
            found = await asyncio.to_thread(self._use.insight.calibration, device, request.space)
        return pb.GetCalibrationResponse(calibration=to_calibration(found))

    async def ImportTable(
        self, request_iterator: AsyncIterator[pb.ImportTableRequest], context: Context
    ) -> pb.ImportTableResponse:
        """See the proto."""
        count = 0
        async with errors_to_status(context):
            async for request in request_iterator:
                rows = [
                    TableRow(row.architecture, row.device, row.latency_ms) for row in request.rows
                ]
                count += await self._use.tables.add(
                    request.space, text("source", request.source), rows
                )
        return pb.ImportTableResponse(rows=count)

    async def ImportAccuracy(
        self, request_iterator: AsyncIterator[pb.ImportAccuracyRequest], context: Context
    ) -> pb.ImportAccuracyResponse:
        """See the proto."""
        space = source = ""
        rows: list[AccuracyRow] = []
        async with errors_to_status(context):
            async for request in request_iterator:
                space, source = request.space, request.source
                rows += [
                    AccuracyRow(row.architecture, row.accuracy_percent) for row in request.rows
                ]
                if len(rows) > MAX_ACCURACY_ROWS:
                    raise BadInput(f"more than {MAX_ACCURACY_ROWS} accuracies; import fewer")
            count = await self._use.tables.set_accuracies(space, text("source", source), rows)
        return pb.ImportAccuracyResponse(rows=count)

    async def ExportTable(
        self, request: pb.ExportTableRequest, context: Context
    ) -> AsyncIterator[pb.ExportTableResponse]:
        """See the proto."""
        async with errors_to_status(context):
            origin = TableOrigin.BOTH
            if request.origin:
                origin = enum_value("TABLE_ORIGIN", pb.TableOrigin, TableOrigin, request.origin)
            rows = iter(
                await self._use.tables.rows(request.space, _devices(request.devices), origin)
            )
            while part := list(islice(rows, ROWS_PER_MESSAGE)):
                yield pb.ExportTableResponse(
                    rows=[
                        pb.TableRow(
                            architecture=row.architecture,
                            device=row.device,
                            latency_ms=row.latency_ms,
                        )
                        for row in part
                    ]
                )


def _devices(names: Iterable[str]) -> list[str]:
    return [text("device", name, 64) for name in names]
