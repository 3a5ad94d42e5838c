"""Who should not come in does not, and is told why with the right status."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from agent.credentials import signing_request
from agent.link import Link
from coordinator.access_client import AccessClient
from coordinator.client import Client
from coordinator.credentials import Login, channel_credentials
from coordinator.security.authority import create_authority
from coordinator.security.certificates import key_pem, new_key
from coordinator.security.records import Role
from coordinator.security.secrets import digest_of
from help_core.errors import Forbidden, Unauthenticated, Unreachable
from help_proto.errors import ERROR_METADATA_KEY
from help_proto.v1 import access_service_pb2 as access_pb
from help_proto.v1 import agent_service_pb2 as agent_pb
from help_proto.v1 import fleet_service_pb2 as fleet_pb
from help_proto.v1.access_service_pb2_grpc import AccessServiceStub, EnrolmentServiceStub
from help_proto.v1.agent_service_pb2_grpc import AgentServiceStub
from help_proto.v1.fleet_service_pb2_grpc import FleetServiceStub
from tests.coordinator.security.secure import Secure, registration

Code = grpc.StatusCode


def fresh_id() -> str:
    return uuid.uuid4().hex


def refusal(channel: grpc.Channel, *, as_agent: str = "") -> grpc.StatusCode:
    """The status of a plain question on a channel."""

    def ask() -> object:
        if as_agent:
            return AgentServiceStub(channel).Register(registration(as_agent, "d"), timeout=5)
        return FleetServiceStub(channel).ListDevices(fleet_pb.ListDevicesRequest(), timeout=5)

    with channel, pytest.raises(grpc.RpcError) as refused:
        ask()
    code: grpc.StatusCode = refused.value.code()
    return code


def test_good_credentials_are_let_in(secure: Secure) -> None:
    agent_id = fresh_id()
    with secure.agent_channel(*secure.admit(agent_id)) as channel:
        AgentServiceStub(channel).Register(registration(agent_id, "good"), timeout=5)
    with secure.user_channel(secure.token(Role.USER)) as channel:
        found = FleetServiceStub(channel).ListDevices(fleet_pb.ListDevicesRequest(), timeout=5)
    assert "good" in [status.device.name for status in found.devices]


def test_no_certificate(secure: Secure) -> None:
    tls = grpc.ssl_channel_credentials(secure.authority.ca_pem)
    channel = grpc.secure_channel(secure.bound.agents, tls)
    assert refusal(channel, as_agent=fresh_id()) is Code.UNAVAILABLE
    assert refusal(secure.user_channel(), as_agent=fresh_id()) is Code.UNAUTHENTICATED


def test_a_certificate_of_a_foreign_authority(secure: Secure, tmp_path: Path) -> None:
    foreign = create_authority(tmp_path, ["127.0.0.1"], time.time())
    agent_id = fresh_id()
    channel = secure.agent_channel(*secure.admit(agent_id, foreign))
    assert refusal(channel, as_agent=agent_id) is Code.UNAVAILABLE


def test_an_expired_certificate(secure: Secure) -> None:
    agent_id = fresh_id()
    channel = secure.agent_channel(*secure.admit(agent_id, days=-0.01))
    assert refusal(channel, as_agent=agent_id) is Code.UNAVAILABLE


def test_the_server_s_own_certificate_is_no_agent_s(secure: Secure) -> None:
    pair = secure.authority.server_pair(time.time())
    channel = secure.agent_channel(pair.key_pem, pair.chain_pem)
    assert refusal(channel, as_agent=fresh_id()) is Code.UNAVAILABLE


def test_a_certificate_that_the_store_does_not_know(secure: Secure) -> None:
    # Whoever steals the authority's key can sign, but what is signed elsewhere is not listed.
    key, agent_id = key_pem(new_key()), fresh_id()
    issued = secure.authority.sign_agent(signing_request(key), agent_id, time.time())
    channel = secure.agent_channel(key, issued.pem)
    assert refusal(channel, as_agent=agent_id) is Code.UNAUTHENTICATED


def test_a_revoked_agent_is_refused_from_its_next_call_on(secure: Secure) -> None:
    agent_id, admin = fresh_id(), secure.token(Role.ADMIN)
    with secure.agent_channel(*secure.admit(agent_id)) as channel:
        stub = AgentServiceStub(channel)
        stub.Register(registration(agent_id, "revoked-board"), timeout=5)

        def reports() -> Iterator[agent_pb.DeliverReportsRequest]:
            request = agent_pb.DeliverReportsRequest(agent_id=agent_id)
            request.reports.add(key="k" * 32)
            yield request
            with secure.user_channel(admin) as admins:
                AccessServiceStub(admins).RevokeAgent(
                    access_pb.RevokeAgentRequest(agent="revoked-board"), timeout=5
                )
            yield request

        stream = stub.DeliverReports(reports(), timeout=10)
        next(stream)
        with pytest.raises(grpc.RpcError) as refused:
            next(stream)
        assert refused.value.code() is Code.UNAUTHENTICATED
        with pytest.raises(grpc.RpcError) as refused:
            stub.Heartbeat(agent_pb.HeartbeatRequest(agent_id=agent_id), timeout=5)
        assert refused.value.code() is Code.UNAUTHENTICATED
        assert "revoked" in (refused.value.details() or "")


def test_a_wrong_token(secure: Secure) -> None:
    assert refusal(secure.user_channel()) is Code.UNAUTHENTICATED
    assert refusal(secure.user_channel("hfu_" + "A" * 43)) is Code.UNAUTHENTICATED
    assert refusal(secure.user_channel("x" * 4000)) is Code.UNAUTHENTICATED


def test_the_digest_in_the_store_is_no_token(secure: Secure) -> None:
    secret = secure.token(Role.ADMIN)
    assert secure.store.access.token(digest_of(secret)) is not None
    assert refusal(secure.user_channel(digest_of(secret))) is Code.UNAUTHENTICATED
    assert secret.encode() not in (secure.folder / "s.db").read_bytes()


def test_an_expired_and_a_revoked_token(secure: Secure) -> None:
    short = secure.token(Role.USER, lifetime_s=1.0)
    time.sleep(1.1)
    assert refusal(secure.user_channel(short)) is Code.UNAUTHENTICATED
    secret, admin = secure.token(Role.USER), secure.token(Role.ADMIN)
    found = secure.store.access.token(digest_of(secret))
    assert found is not None
    with secure.user_channel(secret) as channel:
        stub = FleetServiceStub(channel)
        stub.ListDevices(fleet_pb.ListDevicesRequest(), timeout=5)
        with secure.user_channel(admin) as admins:
            AccessServiceStub(admins).RevokeToken(
                access_pb.RevokeTokenRequest(id=found.id), timeout=5
            )
        with pytest.raises(grpc.RpcError) as refused:
            stub.ListDevices(fleet_pb.ListDevicesRequest(), timeout=5)
    assert refused.value.code() is Code.UNAUTHENTICATED


def test_a_wrong_role(secure: Secure) -> None:
    user, agent_id = secure.token(Role.USER), fresh_id()
    with secure.user_channel(user) as channel, pytest.raises(grpc.RpcError) as refused:
        AccessServiceStub(channel).ListTokens(access_pb.ListTokensRequest(), timeout=5)
    assert refused.value.code() is Code.PERMISSION_DENIED
    assert refusal(secure.user_channel(user), as_agent=agent_id) is Code.PERMISSION_DENIED
    assert refusal(secure.agent_channel(*secure.admit(agent_id))) is Code.PERMISSION_DENIED
    enrolment = secure.token(Role.AGENT_ENROL)
    assert refusal(secure.user_channel(enrolment)) is Code.PERMISSION_DENIED


def test_an_agent_acts_for_itself_alone(secure: Secure) -> None:
    victim, thief = fresh_id(), fresh_id()
    with secure.agent_channel(*secure.admit(victim)) as channel:
        AgentServiceStub(channel).Register(registration(victim, "victim-board"), timeout=5)
    with secure.agent_channel(*secure.admit(thief)) as channel:
        stub = AgentServiceStub(channel)
        report = agent_pb.DeliverReportsRequest(agent_id=victim)
        csr = access_pb.RenewRequest(agent_id=victim, csr_pem=b"x")
        attempts: list[Callable[[], object]] = [
            lambda: stub.Register(registration(victim, "victim-board"), timeout=5),
            lambda: stub.LeaseJobs(agent_pb.LeaseJobsRequest(agent_id=victim), timeout=5),
            lambda: stub.Heartbeat(agent_pb.HeartbeatRequest(agent_id=victim), timeout=5),
            lambda: stub.ReleaseJobs(agent_pb.ReleaseJobsRequest(agent_id=victim), timeout=5),
            lambda: list(stub.DeliverReports(iter([report]), timeout=5)),
            lambda: EnrolmentServiceStub(channel).Renew(csr, timeout=5),
        ]
        for attempt in attempts:
            with pytest.raises(grpc.RpcError) as refused:
                attempt()
            assert refused.value.code() is Code.PERMISSION_DENIED


def test_every_refusal_names_its_class_for_the_other_side(secure: Secure) -> None:
    login = Login(secure.authority.ca_pem.decode(), secure.token(Role.USER))
    credentials = channel_credentials(login)
    with Client(secure.bound.users, credentials) as client, pytest.raises(Forbidden):
        AccessClient(client).tokens()
    with secure.user_channel("wrong") as channel, pytest.raises(grpc.RpcError) as refused:
        FleetServiceStub(channel).ListDevices(fleet_pb.ListDevicesRequest(), timeout=5)
    trailing: Any = refused.value.trailing_metadata()
    assert dict(trailing)[ERROR_METADATA_KEY] == "Unauthenticated"


def test_a_client_refuses_a_coordinator_of_a_foreign_authority(
    secure: Secure, tmp_path: Path
) -> None:
    foreign = create_authority(tmp_path, ["127.0.0.1"], time.time())
    login = Login(foreign.ca_pem.decode(), "token")
    with pytest.raises(Unauthenticated, match="not trusted"):
        Client(secure.bound.users, channel_credentials(login))


def test_clear_text_to_a_coordinator_with_tls_gets_nowhere(secure: Secure) -> None:
    link = Link(secure.bound.users, fresh_id())
    with pytest.raises(Unreachable):
        link.heartbeat([])
    link.close()


def test_reflection_is_off_unless_asked_for(secure: Secure) -> None:
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    with secure.user_channel(secure.token(Role.ADMIN)) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        with pytest.raises(grpc.RpcError) as refused:
            list(stub.ServerReflectionInfo(iter([request]), timeout=5))
    assert refused.value.code() is Code.UNIMPLEMENTED


def test_what_was_done_and_refused_is_in_the_audit_log(secure: Secure) -> None:
    admin = secure.token(Role.ADMIN)
    with secure.user_channel(admin) as channel:
        rows = [fleet_pb.TableRow(architecture="x", device="d", latency_ms=1.0)]
        request = fleet_pb.ImportTableRequest(space="nasbench201", source="s", rows=rows)
        with pytest.raises(grpc.RpcError):
            FleetServiceStub(channel).ImportTable(iter([request]), timeout=5)
        found = AccessServiceStub(channel).ListAudit(
            access_pb.ListAuditRequest(limit=1000), timeout=5
        )
    actions = {entry.action for entry in found.entries}
    assert {"ImportTable", "create-token", "enrol", "revoke-agent", "revoke-token"} <= actions
    assert {"refused"} <= {entry.actor for entry in found.entries}
    assert all(entry.peer in ("127.0.0.1", "store", "test") for entry in found.entries)
