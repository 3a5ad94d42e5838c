"""Each method says whom it is for; what says nothing is for nobody."""

from __future__ import annotations

import pytest

from coordinator.security.gate import OpenGate, Principal, peer_host
from coordinator.security.interceptor import check_identity
from coordinator.security.records import Role
from coordinator.security.rules import RULES, Who
from coordinator.security.secrets import digest_of, new_secret
from help_core.errors import Forbidden
from help_proto.v1 import (
    access_service_pb2,
    agent_service_pb2,
    fleet_service_pb2,
    model_service_pb2,
)

FILES = (access_service_pb2, agent_service_pb2, fleet_service_pb2, model_service_pb2)
SERVED = {
    f"/{service.full_name}/{method.name}": method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def test_every_method_of_ours_has_a_rule() -> None:
    assert set(SERVED) - set(RULES) == set()


def test_only_enrolment_and_health_are_for_anybody() -> None:
    assert {name.rpartition("/")[2] for name, rule in RULES.items() if rule.who is Who.ANYBODY} == {
        "GetAuthority",
        "Enrol",
        "Check",
        "Watch",
    }


def test_agents_reach_only_what_is_theirs_and_there_they_say_who_they_are() -> None:
    # A model is the same for every agent that may come to measure it.
    of_all_agents = {"/help_proto.v1.ModelService/FetchModel"}
    for name, method in SERVED.items():
        if RULES[name].who is Who.AGENT and name not in of_all_agents:
            assert "agent_id" in [field.name for field in method.input_type.fields], name


def test_who_tokens_and_the_log_are_for_admins() -> None:
    for name in SERVED:
        if ".AccessService/" in name:
            assert RULES[name].who is Who.ADMIN


def test_an_agent_may_not_act_as_another() -> None:
    agent = Principal("agent:a", "10.0.0.1", agent_id="a" * 32)
    check_identity(agent, agent_service_pb2.HeartbeatRequest(agent_id="a" * 32))
    for claimed in ("b" * 32, "", "A" * 32, "a" * 33):
        with pytest.raises(Forbidden):
            check_identity(agent, agent_service_pb2.HeartbeatRequest(agent_id=claimed))


def test_an_open_gate_refuses_nobody() -> None:
    gate = OpenGate()
    for rule in RULES.values():
        gate.authorise(rule, Principal("anybody", "127.0.0.1"))


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:10.1.2.3:50051", "10.1.2.3"),
        ("ipv6:%5B2001:db8::1%5D:50051", "2001:db8::1"),
        ("unix:", "unix:"),
    ],
)
def test_a_peer_is_its_address_without_the_port(peer: str, host: str) -> None:
    assert peer_host(peer) == host


def test_secrets_are_long_random_and_say_what_they_are() -> None:
    secrets = {new_secret(role) for role in Role for _ in range(100)}
    assert len(secrets) == 300
    assert all(len(secret) == 4 + 43 for secret in secrets)
    assert {secret[:4] for secret in secrets} == {"hfe_", "hfu_", "hfa_"}
    assert all(len(digest_of(secret)) == 64 for secret in secrets)
