"""How often an agent is asked to say that it is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from coordinator.policy import ONLINE_WITHIN_S
from coordinator.server import ServerOptions, running
from coordinator.store import open_store
from help_proto.v1 import agent_service_pb2_grpc as rpc
from tests.coordinator.security.secure import registration


@pytest.mark.parametrize("lease_s", [3.0, 60.0, 3600.0])
def test_an_agent_may_miss_two_heartbeats_before_it_loses_its_jobs_or_counts_as_gone(
    lease_s: float, tmp_path: Path
) -> None:
    async def heartbeat_s() -> float:
        store = open_store(str(tmp_path / "s.db"))
        try:
            async with (
                running("127.0.0.1:0", store, ServerOptions(lease_s=lease_s)) as bound,
                grpc.aio.insecure_channel(bound.users) as channel,
            ):
                stub = rpc.AgentServiceStub(channel)
                response = await stub.Register(registration("a" * 32, "box"))
                assert response.lease_s == lease_s
                return float(response.heartbeat_s)
        finally:
            store.close()

    assert asyncio.run(heartbeat_s()) == pytest.approx(min(lease_s, ONLINE_WITHIN_S) / 3)
