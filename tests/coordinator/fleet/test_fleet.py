"""The Python client, against a coordinator in this process and a replay agent in another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from coordinator.fleet import AdaptOptions, AsyncFleet, Fleet
from help_core.errors import BadInput, HelpError, NotFound, Unauthenticated, Unreachable
from help_core.records import AdaptOrder, Answer, Calibration, Embedding, Progress
from help_core.spaces import get_gene_space
from help_core.spaces.base import sample_genes
from tests.e2e.made_table import write_made_table
from tests.e2e.processes import is_online, replay_agent, wait_for

DEVICE = "board"


def some(count: int, seed: int = 7) -> list[str]:
    space = get_gene_space("nasbench201")
    genes = sample_genes(space, count, np.random.default_rng(seed))
    return [str(one) for one in space.from_genes(genes)]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    table = write_made_table(folder / "table.csv")
    with Fleet.local(str(folder / "store.db")) as fleet:
        address = fleet.client.address
        with replay_agent(folder, address, table, DEVICE):
            wait_for(lambda: is_online(address, DEVICE))
            yield fleet


def test_the_options_are_the_fields_of_the_order() -> None:
    names = {field.name for field in fields(AdaptOrder)} - {"device", "space"}
    assert names == set(AdaptOptions.__annotations__)


def test_adapt_then_predict_many_as_arrays(fleet: Fleet) -> None:
    seen: list[Progress] = []
    answer = fleet.adapt(DEVICE, max_latency_ms=[3.0], progress=seen.append)
    assert answer.picks[0].measured_ms is not None
    assert answer.picks[0].measured_ms <= 3.0
    assert {event.phase for event in seen} >= {"support"}
    names = some(6000)
    found = fleet.predict(DEVICE, names)
    assert found.latency_ms.shape == (6000,)
    assert found.architectures == tuple(names)
    assert bool(np.all(found.low_ms <= found.latency_ms))
    assert bool(np.all(found.latency_ms <= found.high_ms))
    assert found.to_arrow().column_names == ["architecture", "latency_ms", "low_ms", "high_ms"]


def test_search_measures_nothing(fleet: Fleet) -> None:
    given = fleet.adapt(DEVICE, max_latency_ms=[3.0])
    jobs = fleet.client.jobs()[1]
    answer = fleet.search(DEVICE, max_latency_ms=[3.0])
    assert len(answer.picks) == 3
    assert all(pick.measured_ms is None for pick in answer.picks)
    assert {point.architecture for point in given.support} <= {
        point.architecture for point in answer.support
    }
    assert fleet.client.jobs()[1] == jobs


def test_search_takes_the_options_of_adapt_and_verifies_when_asked(fleet: Fleet) -> None:
    fleet.adapt(DEVICE, max_latency_ms=[3.0])
    allowed = some(40, seed=9)
    answer = fleet.search(DEVICE, candidates=allowed, max_latency_ms=[20.0], top=1, verify=True)
    (pick,) = answer.picks
    assert pick.architecture in allowed
    assert pick.measured_ms is not None


def test_search_wants_a_device_that_was_adapted(fleet: Fleet) -> None:
    with pytest.raises(NotFound, match=f"{DEVICE} is not adapted in fbnet yet"):
        fleet.search(DEVICE, "fbnet")


def test_asyncio_searches_with_progress(fleet: Fleet) -> None:
    async def searched() -> tuple[Answer, list[Progress]]:
        seen: list[Progress] = []
        async with AsyncFleet(fleet.client.address) as other:
            return await other.search(DEVICE, max_latency_ms=[3.0], progress=seen.append), seen

    fleet.adapt(DEVICE, max_latency_ms=[3.0])
    answer, seen = asyncio.run(searched())
    assert answer.picks == fleet.search(DEVICE, max_latency_ms=[3.0]).picks
    assert {event.phase for event in seen} == {"adapt"}


def test_measure_gives_the_latencies_in_the_order_asked_for(fleet: Fleet) -> None:
    names = some(5)
    found = fleet.measure(DEVICE, names)
    again = fleet.measure(DEVICE, list(reversed(names)))
    assert np.all(np.isfinite(found.of(names, DEVICE)))
    np.testing.assert_array_equal(found.of(names, DEVICE), again.of(names, DEVICE))
    assert np.isnan(found.of(["nasbench201:none"], DEVICE)[0])
    assert found.to_arrow().num_rows == 5


def test_predictions_become_a_data_frame(fleet: Fleet) -> None:
    fleet.adapt(DEVICE, max_latency_ms=[3.0])
    try:
        import pandas  # noqa: F401
    except ImportError:
        with pytest.raises(BadInput, match="pandas"):
            fleet.predict(DEVICE, some(2)).to_pandas()
    else:
        assert len(fleet.predict(DEVICE, some(2)).to_pandas()) == 2


def test_errors_are_ours(fleet: Fleet) -> None:
    with pytest.raises(NotFound, match="no-such"):
        fleet.adapt("no-such")
    with pytest.raises(Unreachable):
        Fleet.connect("127.0.0.1:1")
    with pytest.raises(Unauthenticated, match="help-coord login"):
        Fleet.connect("192.0.2.1:50051")


def test_what_is_known_of_a_device_is_the_same_from_asyncio(fleet: Fleet) -> None:
    async def known() -> tuple[Answer, Embedding, Calibration]:
        async with AsyncFleet(fleet.client.address) as other:
            return await asyncio.gather(
                other.answer(DEVICE), other.embedding(DEVICE), other.calibration(DEVICE)
            )

    given = fleet.adapt(DEVICE, max_latency_ms=[3.0])
    answer, embedding, calibration = asyncio.run(known())
    assert answer == given
    assert embedding == fleet.embedding(DEVICE)
    assert set(embedding.architectures) == {point.architecture for point in answer.support}
    assert calibration == fleet.calibration(DEVICE)
    assert calibration.support == len(answer.support)


def test_asyncio_makes_many_calls_at_once(fleet: Fleet) -> None:
    async def both() -> tuple[int, int]:
        async with AsyncFleet(fleet.client.address) as other:
            devices, answer = await asyncio.gather(
                other.devices(), other.adapt(DEVICE, max_latency_ms=[3.0])
            )
            return len(devices), len(answer.picks)

    assert asyncio.run(both()) == (1, 1)


def test_cancelling_a_task_cancels_its_jobs(fleet: Fleet, tmp_path: Path) -> None:
    async def cancelled() -> None:
        async with AsyncFleet(fleet.client.address) as other:
            started = asyncio.Event()
            task = asyncio.create_task(
                other.adapt(DEVICE, fresh=True, progress=lambda _event: started.set())
            )
            await asyncio.wait_for(started.wait(), 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    wait_for(lambda: all(s.queued_jobs + s.leased_jobs == 0 for s in fleet.devices()))


def test_closing_ends_a_call_of_another_thread(fleet: Fleet) -> None:
    other = Fleet.connect(fleet.client.address)
    other.close()
    with pytest.raises((HelpError, ValueError)):
        other.devices()
