"""The JSON answers as its OpenAPI description says, whatever is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok

from coordinator.store import open_store
from coordinator.web.app import make_app
from help_core.records import CollectionOrder, RunState
from tests.coordinator.store.test_runs import make_answer, make_run
from tests.coordinator.web.site import AGENT, device, make_parts, open_site

RUN = make_run()
HERE = {"Host": "127.0.0.1:8080"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    """The description of an application whose store holds one of each."""
    store = open_store(str(tmp_path_factory.mktemp("api") / "store.db"))
    parts = make_parts(store)
    store.register(AGENT, "0.1.0", [device("box")], parts.clock.now_s())
    store.open_collection(CollectionOrder("first"), 1.0)
    store.runs.open(RUN, "me")
    store.runs.end(RUN.id, RunState.DONE, "", make_answer(), 2.0)
    yield schemathesis.openapi.from_asgi("/api/v1/openapi.json", make_app(parts), headers=HERE)
    store.close()


def test_every_answer_is_as_described(filled: schemathesis.BaseSchema) -> None:
    operations = [found.ok() for found in filled.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 10
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=10,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=HERE)

        ask()


def test_only_reading_is_described(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path) as site:
            described = (await site.get("/api/v1/openapi.json")).json()["paths"]
            assert len(described) == 10
            assert {method for path in described.values() for method in path} == {"get"}
            assert all(path.startswith("/api/v1/") for path in described)
            refused = await site.http.post("/api/v1/devices")
            assert refused.status_code == 405

    asyncio.run(look())


def test_an_answer_is_whole(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path) as site:
            site.parts.store.runs.open(RUN, "me")
            site.parts.store.runs.end(RUN.id, RunState.DONE, "", make_answer(), 2.0)
            found = (await site.get(f"/api/v1/answers/{RUN.id}")).json()
            assert found["run"]["order"]["max_latency_ms"] == [5.0, 9.5]
            assert found["answer"]["picks"][0]["accuracy_percent"] == 91.5
            listed = (await site.get("/api/v1/answers?state=done")).json()
            assert listed["total"] == 1

    asyncio.run(look())
