"""What every client of the services may rely on."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from help_proto.v1 import agent_service_pb2 as agent_pb
from help_proto.v1 import fleet_service_pb2 as fleet_pb
from help_proto.v1 import fleet_types_pb2 as types_pb
from help_proto.v1.agent_service_pb2_grpc import AgentServiceStub
from help_proto.v1.fleet_service_pb2_grpc import FleetServiceStub


def test_health_says_that_both_services_serve(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", "help_proto.v1.AgentService", "help_proto.v1.FleetService"):
            response = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
            assert response.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_the_services(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (response,) = stub.ServerReflectionInfo(iter([request]), timeout=5)
    names = {service.name for service in response.list_services_response.service}
    assert {"help_proto.v1.AgentService", "help_proto.v1.FleetService"} <= names


def test_a_message_over_the_limit_is_refused_and_the_coordinator_goes_on(address: str) -> None:
    with grpc.insecure_channel(
        address, options=[("grpc.max_send_message_length", 64 * 2**20)]
    ) as channel:
        stub = FleetServiceStub(channel)
        huge = fleet_pb.PredictRequest(device="board", architectures=["x" * 1000] * 6000)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Predict(huge, timeout=10)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        stub.ListDevices(fleet_pb.ListDevicesRequest(), timeout=10)


def test_an_agent_that_never_registered_is_told_to(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        request = agent_pb.LeaseJobsRequest(agent_id="f" * 32, devices=["board"], max_jobs=1)
        with pytest.raises(grpc.RpcError) as refused:
            AgentServiceStub(channel).LeaseJobs(request, timeout=10)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "request_",
    [
        agent_pb.RegisterRequest(),
        agent_pb.RegisterRequest(agent_id="f" * 32, agent_version="0.1.0"),
        agent_pb.RegisterRequest(
            agent_id="f" * 32,
            agent_version="0.1.0",
            devices=[agent_pb.DeviceOffer(name="../../etc/passwd")],
        ),
        agent_pb.RegisterRequest(
            agent_id="f" * 32, agent_version="new", devices=[agent_pb.DeviceOffer(name="x")]
        ),
    ],
)
def test_a_senseless_registration_is_refused(
    address: str, request_: agent_pb.RegisterRequest
) -> None:
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as refused:
        AgentServiceStub(channel).Register(request_, timeout=10)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_agent_of_another_major_version_is_told_to_upgrade(address: str) -> None:
    offer = agent_pb.DeviceOffer(name="future")
    offer.settings.threads = offer.settings.batch_size = 1
    offer.settings.precision = "fp32"
    request = agent_pb.RegisterRequest(agent_id="f" * 32, agent_version="9.0.0", devices=[offer])
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as refused:
        AgentServiceStub(channel).Register(request, timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "upgrade" in (refused.value.details() or "")


def test_one_bad_report_does_not_hold_up_the_good_ones_behind_it(address: str, board: str) -> None:
    bad = types_pb.Report(key="k" * 32)
    unknown = types_pb.Report(key="u" * 32, job_id=10**9)
    unknown.failure.failure_class = types_pb.FAILURE_CLASS_CRASHED
    request = agent_pb.DeliverReportsRequest(agent_id="f" * 32, reports=[bad, unknown])
    with grpc.insecure_channel(address) as channel:
        (response,) = AgentServiceStub(channel).DeliverReports(iter([request]), timeout=10)
    assert [one.acknowledgement for one in response.receipts] == [
        agent_pb.ACKNOWLEDGEMENT_REFUSED,
        agent_pb.ACKNOWLEDGEMENT_REFUSED,
    ]
    assert all(one.message for one in response.receipts)
