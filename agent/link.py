"""The agent's calls to its coordinator; errors of gRPC leave as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from help_core import __version__
from help_core.records import Device, LeasedJob, LeaseRef, Report
from help_core.spaces.own.transfer import Chunk, Manifest
from help_proto.channel import CLIENT_OPTIONS, UNARY_DEADLINE_S
from help_proto.convert import from_lease_ref, from_leased_job, to_lease_ref, to_offer
from help_proto.convert_model import from_chunk, from_manifest
from help_proto.convert_report import to_report
from help_proto.errors import from_rpc
from help_proto.v1 import agent_service_pb2 as pb
from help_proto.v1 import agent_service_pb2_grpc as rpc
from help_proto.v1 import model_service_pb2 as model_pb
from help_proto.v1 import model_service_pb2_grpc as model_rpc


class Link:
    """One channel to one coordinator, for one agent."""

    def __init__(
        self, address: str, agent_id: str, credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        """Without ``credentials`` it speaks in the clear, which is for loopback."""
        self.address = address
        self.agent_id = agent_id
        self._waiting: Any = None
        """The call that the worker is in, if it is one that may take long."""
        self._siblings: list[Link] = []
        self._connect(credentials)

    def sibling(self) -> Link:
        """A link of the same agent for another worker; it is reconnected and closed with this."""
        link = Link(self.address, self.agent_id, self._credentials)
        self._siblings.append(link)
        return link

    def _connect(self, credentials: grpc.ChannelCredentials | None) -> None:
        self._credentials = credentials
        self._channel = (
            grpc.insecure_channel(self.address, options=CLIENT_OPTIONS)
            if credentials is None
            else grpc.secure_channel(self.address, credentials, options=CLIENT_OPTIONS)
        )
        self._stub = rpc.AgentServiceStub(self._channel)
        self._models = model_rpc.ModelServiceStub(self._channel)

    def reconnect(self, credentials: grpc.ChannelCredentials) -> None:
        """Goes on with other credentials; open calls end as interrupted and are made again."""
        old = self._channel
        self._connect(credentials)
        old.close()
        for link in self._siblings:
            link.reconnect(credentials)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            raise from_rpc(error, self.address) from None

    def register(self, devices: Sequence[Device]) -> tuple[float, float]:
        """Offers devices; returns the lease's and the heartbeat's length in s."""
        request = pb.RegisterRequest(
            agent_id=self.agent_id,
            agent_version=__version__,
            devices=[to_offer(device) for device in devices],
        )
        with self._errors():
            response = self._stub.Register(request, timeout=UNARY_DEADLINE_S)
        return response.lease_s, response.heartbeat_s

    def lease(self, devices: Sequence[str], max_jobs: int, wait_s: float) -> list[LeasedJob]:
        """Leases jobs, waiting up to ``wait_s`` for the first; ``stop_waiting`` ends the wait."""
        request = pb.LeaseJobsRequest(
            agent_id=self.agent_id, devices=devices, max_jobs=max_jobs, wait_s=wait_s
        )
        with self._errors():
            self._waiting = self._stub.LeaseJobs.future(request, timeout=wait_s + UNARY_DEADLINE_S)
            try:
                response = self._waiting.result()
            except grpc.FutureCancelledError:
                return []
        return [from_leased_job(job) for job in response.jobs]

    def fetch_model(self, digest: str, first_chunk: int) -> Iterator[Manifest | Chunk]:
        """A user's model: a manifest, then chunks. ``stop_waiting`` ends it with an error."""
        request = model_pb.FetchModelRequest(digest=digest, first_chunk=first_chunk)
        with self._errors():
            # No deadline: it takes as long as the line does, which keepalive watches.
            self._waiting = self._models.FetchModel(request)
            for response in self._waiting:
                if response.WhichOneof("part") == "manifest":
                    yield from_manifest(response.manifest)
                else:
                    yield from_chunk(response.chunk)

    def stop_waiting(self) -> None:
        """Ends a ``lease`` that waits in another thread, which returns no jobs, or a fetch."""
        if self._waiting is not None:
            self._waiting.cancel()

    def heartbeat(self, leases: Sequence[LeaseRef]) -> list[LeaseRef]:
        """Prolongs leases; returns those that are lost."""
        request = pb.HeartbeatRequest(
            agent_id=self.agent_id, leases=[to_lease_ref(ref) for ref in leases]
        )
        with self._errors():
            response = self._stub.Heartbeat(request, timeout=UNARY_DEADLINE_S)
        return [from_lease_ref(ref) for ref in response.lost]

    def release(self, leases: Sequence[LeaseRef]) -> None:
        """Gives leases back."""
        request = pb.ReleaseJobsRequest(
            agent_id=self.agent_id, leases=[to_lease_ref(ref) for ref in leases]
        )
        with self._errors():
            self._stub.ReleaseJobs(request, timeout=UNARY_DEADLINE_S)

    def deliver(self, batches: Iterator[Sequence[Report]]) -> Iterator[pb.DeliverReportsResponse]:
        """Streams batches of reports and yields their receipts, a batch at a time."""
        requests = (
            pb.DeliverReportsRequest(
                agent_id=self.agent_id, reports=[to_report(report) for report in batch]
            )
            for batch in batches
        )
        with self._errors():
            # No deadline: the stream lives as long as the connection, which keepalive watches.
            yield from self._stub.DeliverReports(requests)

    def close(self) -> None:
        """Ends all calls."""
        self._channel.close()
        for link in self._siblings:
            link.close()
