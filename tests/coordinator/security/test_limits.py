"""One peer cannot take more than its share."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.security import limits
from coordinator.security.limits import STRANGER, Allowance, Limits
from coordinator.security.records import Role
from help_core.errors import RateLimited
from help_proto.v1 import fleet_service_pb2 as fleet_pb
from help_proto.v1.fleet_service_pb2_grpc import FleetServiceStub
from tests.coordinator.security.secure import secure_coordinator

FEW = Allowance(rate_per_s=2.0, burst=5.0, open_calls=2)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def allowed(found: Limits, peer: str) -> bool:
    try:
        found.charge(peer, FEW)
    except RateLimited:
        return False
    return True


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    clock = Clock()
    found = Limits(clock)
    assert [allowed(found, "a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert allowed(found, "b")
    clock.now_s += 1.0
    assert [allowed(found, "a") for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0.0, 3.0), max_size=60))
def test_over_any_time_no_more_than_burst_and_rate_allow(pauses_s: list[float]) -> None:
    clock = Clock()
    found, count = Limits(clock), 0
    for pause_s in pauses_s:
        clock.now_s += pause_s
        count += allowed(found, "a")
    assert count <= FEW.burst + FEW.rate_per_s * sum(pauses_s) + 1e-6


def test_open_calls_are_bounded_and_given_back() -> None:
    found = Limits(Clock())
    with found.open_call("a", FEW), found.open_call("a", FEW):
        with pytest.raises(RateLimited, match="2 calls open"), found.open_call("a", FEW):
            pass
        with found.open_call("b", FEW):
            pass
    with found.open_call("a", FEW):
        pass


def test_memory_for_peers_is_bounded_and_keeps_those_with_open_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_PEERS", 50)
    found = Limits(Clock())
    with found.open_call("first", FEW), found.open_call("first", FEW):
        for number in range(500):
            found.charge(f"peer {number}", FEW)
        assert len(found._peers) <= 51
        with pytest.raises(RateLimited), found.open_call("first", FEW):
            pass


def test_a_flood_of_guesses_is_held_up_and_those_with_tokens_are_not(tmp_path: Path) -> None:
    request = fleet_pb.ListDevicesRequest()
    with (
        secure_coordinator(tmp_path) as secure,
        secure.user_channel(secure.token(Role.USER)) as friends,
        secure.user_channel("guess") as strangers,
    ):
        FleetServiceStub(friends).ListDevices(request, timeout=5)
        codes = []
        for _ in range(int(STRANGER.burst) + 40):
            with pytest.raises(grpc.RpcError) as refused:
                FleetServiceStub(strangers).ListDevices(request, timeout=5)
            codes.append(refused.value.code())
        assert codes[0] is grpc.StatusCode.UNAUTHENTICATED
        assert codes[-1] is grpc.StatusCode.RESOURCE_EXHAUSTED
        FleetServiceStub(friends).ListDevices(request, timeout=5)


def test_good_tokens_take_nothing_of_what_strangers_may(tmp_path: Path) -> None:
    with secure_coordinator(tmp_path) as secure:
        for _ in range(int(STRANGER.burst) + 5):
            with secure.user_channel(secure.token(Role.USER)) as channel:
                FleetServiceStub(channel).ListDevices(fleet_pb.ListDevicesRequest(), timeout=5)
