"""Names, labels and messages of strangers stay text: in SQL, in paths, on terminals."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import sqlalchemy as sa

from coordinator.security.records import Role
from coordinator.store.tables import metadata
from help_core.errors import BadInput
from help_proto.convert import text
from help_proto.v1 import access_service_pb2 as access_pb
from help_proto.v1 import agent_service_pb2 as agent_pb
from help_proto.v1 import fleet_service_pb2 as fleet_pb
from help_proto.v1 import fleet_types_pb2 as types_pb
from help_proto.v1.access_service_pb2_grpc import AccessServiceStub, EnrolmentServiceStub
from help_proto.v1.agent_service_pb2_grpc import AgentServiceStub
from help_proto.v1.fleet_service_pb2_grpc import FleetServiceStub
from tests.coordinator.security.secure import Secure, registration

HOSTILE = (
    "../../etc/passwd",
    "/absolute",
    "x'; DROP TABLE devices; --",
    '" OR ""="',
    "$(touch pwned)",
    "`touch pwned`",
    "x\0y",
    "\x1b]0;title\x07",
    "a\nb",
    "‮evil",
    "-rf",
    "%s%n",
    "x" * 5000,
)


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_everywhere_and_leaves_no_trace(
    secure: Secure, name: str
) -> None:
    agent_id = uuid.uuid4().hex
    before = files_below(secure.folder)
    shown = name.encode("utf-8", "replace").decode()
    with (
        secure.agent_channel(*secure.admit(agent_id)) as agents,
        secure.user_channel(secure.token(Role.ADMIN)) as admins,
    ):
        fleet, access = FleetServiceStub(admins), AccessServiceStub(admins)
        row = fleet_pb.TableRow(architecture=shown, device=shown, latency_ms=1.0)
        calls: list[Callable[[], object]] = [
            lambda: AgentServiceStub(agents).Register(registration(agent_id, shown), timeout=5),
            lambda: list(fleet.Collect(fleet_pb.CollectRequest(devices=[shown]), timeout=5)),
            lambda: list(fleet.Adapt(fleet_pb.AdaptRequest(device=shown, space=shown), timeout=5)),
            lambda: fleet.ListJobs(fleet_pb.ListJobsRequest(device=shown), timeout=5),
            lambda: fleet.ImportTable(
                iter([fleet_pb.ImportTableRequest(space="nasbench201", rows=[row])]), timeout=5
            ),
            lambda: access.RevokeAgent(access_pb.RevokeAgentRequest(agent=shown), timeout=5),
            lambda: access.RevokeToken(access_pb.RevokeTokenRequest(id=shown), timeout=5),
            lambda: EnrolmentServiceStub(admins).Enrol(
                access_pb.EnrolRequest(token=shown, agent_id=shown, csr_pem=b"x"), timeout=5
            ),
        ]
        for call in calls:
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() in (
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.UNAUTHENTICATED,
            )
        fleet.ListDevices(fleet_pb.ListDevicesRequest(), timeout=5)
    assert files_below(secure.folder) == before
    tables = set(sa.inspect(secure.store._engine).get_table_names())
    assert set(metadata.tables) <= tables


def test_what_an_agent_says_of_its_board_cannot_command_a_terminal(secure: Secure) -> None:
    agent_id = uuid.uuid4().hex
    request = registration(agent_id, "painted")
    request.devices[0].board.model = "\x1b[2J\x1b]8;;http://x\x07[red]Pi[/red]‮"
    with secure.agent_channel(*secure.admit(agent_id)) as channel:
        AgentServiceStub(channel).Register(request, timeout=5)
    with secure.user_channel(secure.token(Role.USER)) as channel:
        found = FleetServiceStub(channel).ListDevices(fleet_pb.ListDevicesRequest(), timeout=5)
    (model,) = [one.device.board.model for one in found.devices if one.device.name == "painted"]
    assert model.isprintable()
    assert "[red]Pi[/red]" in model


def test_line_ends_are_kept_and_a_nul_is_refused() -> None:
    assert text("message", "line 1\n\tline 2 é 漢") == "line 1\n\tline 2 é 漢"
    assert "\x1b" not in text("message", "a\x1b[31mb\x7f\x9b")
    with pytest.raises(BadInput):
        text("message", "a\0b")


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_a_number_that_no_database_holds_is_bad_input(secure: Secure, number: int) -> None:
    agent_id = uuid.uuid4().hex
    with secure.agent_channel(*secure.admit(agent_id)) as channel:
        stub = AgentServiceStub(channel)
        ref = agent_pb.LeaseRef(job_id=number, token=1)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Heartbeat(agent_pb.HeartbeatRequest(agent_id=agent_id, leases=[ref]), timeout=5)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        report = agent_pb.DeliverReportsRequest(agent_id=agent_id)
        entry = report.reports.add(key="k" * 32, job_id=number)
        entry.failure.failure_class = types_pb.FAILURE_CLASS_CRASHED
        (answer,) = stub.DeliverReports(iter([report]), timeout=5)
        assert answer.receipts[0].acknowledgement == agent_pb.ACKNOWLEDGEMENT_REFUSED
