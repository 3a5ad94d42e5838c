"""Read-only JSON under ``/api/v1``, described by ``/api/v1/openapi.json``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from coordinator.store.views import Condition
from coordinator.web.errors import Problem
from coordinator.web.fleet import Presence, fleet_page
from coordinator.web.parts import WebParts
from help_core.errors import NotFound
from help_core.records import (
    AdaptRun,
    Answer,
    Calibration,
    CollectionStatus,
    DeviceStatus,
    Embedding,
    Job,
    JobState,
    RunState,
)

NAME = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$"
DeviceName = Annotated[str, Path(pattern=NAME, description="Name of a device.")]
CollectionName = Annotated[str, Path(pattern=NAME, description="Name of a collection.")]
RunId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="16 hexadecimal digits.")]
Space = Annotated[str, Query(pattern=r"^[a-z0-9.-]{1,64}$", description="Name of a search space.")]
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="Leave out so many first.")]
Filter = Annotated[str, Query(max_length=100)]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "What was asked cannot be used."},
    401: {"model": Problem, "description": "A token is needed: Authorization: Bearer TOKEN."},
    403: {"model": Problem, "description": "Not for this token, or not from this site."},
    404: {"model": Problem, "description": "There is none of that name."},
    429: {"model": Problem, "description": "Too many requests."},
    503: {"model": Problem, "description": "The store is not usable."},
}


class DeviceRow(BaseModel):
    """A device with what was read when it measured last."""

    status: DeviceStatus
    newest: Condition | None


class Devices(BaseModel):
    """Some devices of those that match, and how many there are."""

    matching: int
    total: int
    online: int
    devices: list[DeviceRow]


class Collections(BaseModel):
    """Collections from the newest on, and how many there are."""

    total: int
    collections: list[CollectionStatus]


class Runs(BaseModel):
    """Requests to adapt from the newest on, and how many match."""

    total: int
    answers: list[AdaptRun]


class RunWithAnswer(BaseModel):
    """A request to adapt and, once it is done, its answer."""

    run: AdaptRun
    answer: Answer | None


class Jobs(BaseModel):
    """The newest matching jobs, and how many match."""

    total: int
    jobs: list[Job]


class Conditions(BaseModel):
    """Measurements of a device, oldest first, with the board's readings."""

    device: str
    conditions: list[Condition]


def api_router(parts: WebParts) -> APIRouter:
    """The JSON of everything that pages show."""
    router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
    _add_devices(router, parts)
    _add_work(router, parts)
    return router


def _add_devices(router: APIRouter, parts: WebParts) -> None:
    @router.get("/devices", tags=["devices"])
    async def list_devices(
        q: Filter = "", presence: Presence = Presence.ALL, limit: Limit = 50, offset: Offset = 0
    ) -> Devices:
        """Devices by name; ``q`` looks into names, boards and providers."""
        now_s = parts.clock.now_s()
        found = await asyncio.to_thread(fleet_page, parts.store, now_s, q, presence, offset, limit)
        rows = [DeviceRow(status=one.status, newest=one.newest) for one in found.glances]
        return Devices(
            matching=found.matching, total=found.devices, online=found.online, devices=rows
        )

    @router.get("/devices/{name}", tags=["devices"])
    async def get_device(name: DeviceName) -> DeviceRow:
        """One device."""
        now_s = parts.clock.now_s()
        await asyncio.to_thread(parts.store.device, name, now_s)
        (found,) = await asyncio.to_thread(parts.store.views.glances, [name], now_s)
        return DeviceRow(status=found.status, newest=found.newest)

    @router.get("/devices/{name}/conditions", tags=["devices"])
    async def get_conditions(name: DeviceName, limit: Limit = 300) -> Conditions:
        """Latency, temperature and the other readings of the newest measurements."""
        await asyncio.to_thread(parts.store.device, name, parts.clock.now_s())
        found = await asyncio.to_thread(parts.store.views.conditions, name, limit)
        return Conditions(device=name, conditions=found)

    @router.get("/devices/{name}/embedding", tags=["devices"])
    async def get_embedding(name: DeviceName, space: Space) -> Embedding:
        """Its hardware embedding beside its nearest known devices."""
        return await asyncio.to_thread(parts.insight.embedding, name, space)

    @router.get("/devices/{name}/predictions", tags=["devices"])
    async def get_predictions(name: DeviceName, space: Space) -> Calibration:
        """What its support set alone predicts of everything else that was measured."""
        return await asyncio.to_thread(parts.insight.calibration, name, space)


def _add_work(router: APIRouter, parts: WebParts) -> None:
    @router.get("/collections", tags=["collections"])
    async def list_collections(limit: Limit = 50, offset: Offset = 0) -> Collections:
        """Collections from the newest on."""
        found, total = await asyncio.to_thread(parts.store.views.collections, limit, offset)
        return Collections(total=total, collections=found)

    @router.get("/collections/{name}", tags=["collections"])
    async def get_collection(name: CollectionName) -> CollectionStatus:
        """One collection."""
        return await asyncio.to_thread(parts.store.collection, name)

    @router.get("/answers", tags=["answers"])
    async def list_answers(
        device: Filter = "",
        state: RunState | None = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Runs:
        """Requests to adapt from the newest on, without their answers."""
        found, total = await asyncio.to_thread(parts.store.runs.find, device, state, limit, offset)
        return Runs(total=total, answers=found)

    @router.get("/answers/{run_id}", tags=["answers"])
    async def get_answer(run_id: RunId) -> RunWithAnswer:
        """One request to adapt, with its answer once there is one."""
        run = await asyncio.to_thread(parts.store.runs.get, run_id)
        return RunWithAnswer(
            run=run, answer=await asyncio.to_thread(parts.store.runs.answer, run_id)
        )

    @router.get("/jobs", tags=["jobs"])
    async def list_jobs(
        device: Filter = "", state: JobState | None = None, limit: Limit = 50
    ) -> Jobs:
        """The newest matching jobs."""
        states = [] if state is None else [state]
        found, total = await asyncio.to_thread(parts.store.find_jobs, device, states, limit)
        return Jobs(total=total, jobs=found)

    @router.get("/{rest:path}", include_in_schema=False)
    async def nothing(rest: str) -> None:
        raise NotFound(f"there is no /api/v1/{rest[:80]}; see /api/v1/openapi.json")
