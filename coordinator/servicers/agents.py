"""``AgentService``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from coordinator.servicers.errors import errors_to_status
from coordinator.servicers.streams import until
from coordinator.store import Acknowledgement
from coordinator.usecases.access import check_agent_id
from coordinator.usecases.agents import Agents
from help_core import __version__
from help_core.errors import BadInput
from help_core.records import Report
from help_proto.convert import (
    enum_number,
    from_lease_ref,
    from_offer,
    text,
    to_lease_ref,
    to_leased_job,
)
from help_proto.convert_report import from_report
from help_proto.v1 import agent_service_pb2 as pb
from help_proto.v1 import agent_service_pb2_grpc as rpc

Context = grpc.aio.ServicerContext[Any, Any]

MAX_ITEMS = 10_000
MAX_REPORTS = 1000
_ACKNOWLEDGEMENTS = {
    kind: pb.Acknowledgement.ValueType(enum_number("ACKNOWLEDGEMENT", pb.Acknowledgement, kind))
    for kind in Acknowledgement
}


class AgentServicer(rpc.AgentServiceServicer):
    """See ``agent_service.proto``."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    async def Register(self, request: pb.RegisterRequest, context: Context) -> pb.RegisterResponse:
        """See the proto."""
        async with errors_to_status(context):
            _check_count("devices", len(request.devices))
            devices = [from_offer(offer, request.agent_id) for offer in request.devices]
            await self._agents.register(request.agent_id, request.agent_version, devices)
        return pb.RegisterResponse(
            coordinator_version=__version__,
            lease_s=self._agents.lease_s,
            heartbeat_s=self._agents.heartbeat_s,
        )

    async def LeaseJobs(
        self, request: pb.LeaseJobsRequest, context: Context
    ) -> pb.LeaseJobsResponse:
        """See the proto."""
        async with errors_to_status(context):
            _check_count("devices", len(request.devices))
            devices = [text("device", name, 64) for name in request.devices]
            jobs = await self._agents.lease(
                check_agent_id(request.agent_id), devices, request.max_jobs, request.wait_s
            )
            if context.cancelled():
                # Nobody will receive them, and no heartbeat will name them.
                await self._agents.release(request.agent_id, [job.ref for job in jobs])
        return pb.LeaseJobsResponse(jobs=[to_leased_job(job) for job in jobs])

    async def Heartbeat(
        self, request: pb.HeartbeatRequest, context: Context
    ) -> pb.HeartbeatResponse:
        """See the proto."""
        async with errors_to_status(context):
            _check_count("leases", len(request.leases))
            leases = [from_lease_ref(ref) for ref in request.leases]
            lost = await self._agents.heartbeat(check_agent_id(request.agent_id), leases)
        return pb.HeartbeatResponse(lost=[to_lease_ref(ref) for ref in lost])

    async def ReleaseJobs(
        self, request: pb.ReleaseJobsRequest, context: Context
    ) -> pb.ReleaseJobsResponse:
        """See the proto."""
        async with errors_to_status(context):
            _check_count("leases", len(request.leases))
            leases = [from_lease_ref(ref) for ref in request.leases]
            await self._agents.release(check_agent_id(request.agent_id), leases)
        return pb.ReleaseJobsResponse()

    async def DeliverReports(
        self, request_iterator: AsyncIterator[pb.DeliverReportsRequest], context: Context
    ) -> AsyncIterator[pb.DeliverReportsResponse]:
        """See the proto."""
        async with errors_to_status(context):
            async for request in until(request_iterator, self._agents.stopping):
                yield await self._deliver(request)

    async def _deliver(self, request: pb.DeliverReportsRequest) -> pb.DeliverReportsResponse:
        if len(request.reports) > MAX_REPORTS:
            raise BadInput(f"{len(request.reports)} reports in one message; at most {MAX_REPORTS}")
        agent_id = check_agent_id(request.agent_id)
        good: list[Report] = []
        receipts = [pb.Receipt(key=message.key) for message in request.reports]
        places: list[int] = []
        for place, message in enumerate(request.reports):
            try:
                good.append(from_report(message))
                places.append(place)
            except BadInput as error:
                # One bad report must not hold up those behind it in the agent's spool.
                receipts[place].acknowledgement = pb.ACKNOWLEDGEMENT_REFUSED
                receipts[place].message = str(error)
        results = await self._agents.record(agent_id, good) if good else []
        for place, result in zip(places, results, strict=True):
            receipts[place].acknowledgement = _ACKNOWLEDGEMENTS[result]
            if result is Acknowledgement.REFUSED:
                receipts[place].message = f"there is no job {request.reports[place].job_id}"
        return pb.DeliverReportsResponse(receipts=receipts)


def _check_count(what: str, count: int) -> None:
    if count > MAX_ITEMS:
        raise BadInput(f"{count} {what} in one message; at most {MAX_ITEMS}")
