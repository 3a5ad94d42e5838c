"""The pages, and the parts of them that follow the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from coordinator.signals import reports_of
from coordinator.usecases.candidates import ACCURACY_NAMES
from coordinator.usecases.runs import ALL_RUNS, run_bell
from coordinator.web.drawing import draw
from coordinator.web.fleet import DEVICES_A_PAGE, Presence, fleet_page
from coordinator.web.live import Streams
from coordinator.web.orders import OBJECTIVES
from coordinator.web.parts import WebParts
from coordinator.web.render import fragment, render
from help_core.accuracy.registry import PROXIES, accuracy_names
from help_core.predictors.registry import predictor_names
from help_core.records import RunState, check_name, check_run_id
from help_core.search.generators.registry import generator_names
from help_core.spaces import GeneSpace, get_space
from help_core.spaces.registry import space_names

A_PAGE = 25
JOBS_SHOWN = 20
CONDITIONS_SHOWN = 12

MORE_FIELDS = (
    "more_devices",
    "percentile",
    "min_accuracy",
    "whole_front",
    "max_params",
    "max_flops",
    "max_memory_mib",
    "max_energy_mj",
    "objective",
    "accuracy",
    "candidates",
    "generator",
    "measurements",
    "seed",
)
"""Fields of the form to adapt that are folded away until one of them is used."""

Page = Annotated[int, Query(ge=1, le=1_000_000)]
Search = Annotated[str, Query(max_length=100)]
Target = Annotated[str, Query(alias="next", max_length=500)]


def gene_spaces() -> list[str]:
    """Names of the spaces that can be sampled and adapted in."""
    return [name for name in space_names() if isinstance(get_space(name), GeneSpace)]


def accuracy_choices() -> list[str]:
    """Sources to choose from in a form: proxies want named candidates, which it does not take."""
    names = dict.fromkeys((*ACCURACY_NAMES, *accuracy_names()))
    return [name for name in names if name not in PROXIES]


class Views:
    """The values of each live part, from the store."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts

    async def fleet(self, text: str, presence: Presence, page: int) -> dict[str, Any]:
        """One page of devices."""
        found = await asyncio.to_thread(
            fleet_page,
            self._parts.store,
            self._parts.clock.now_s(),
            text,
            presence,
            (page - 1) * DEVICES_A_PAGE,
            DEVICES_A_PAGE,
        )
        return {"fleet": found, "pages": pages_of(found.matching, DEVICES_A_PAGE), "page": page}

    async def collections(self, page: int) -> dict[str, Any]:
        """One page of collections."""
        found, total = await asyncio.to_thread(
            self._parts.store.views.collections, A_PAGE, (page - 1) * A_PAGE
        )
        return {"collections": found, "total": total, "pages": pages_of(total, A_PAGE)}

    async def collection(self, name: str) -> dict[str, Any]:
        """A collection."""
        return {"collection": await asyncio.to_thread(self._parts.store.collection, name)}

    async def answers(self, page: int, device: str) -> dict[str, Any]:
        """One page of requests to adapt."""
        found, total = await asyncio.to_thread(
            self._parts.store.runs.find, device, None, A_PAGE, (page - 1) * A_PAGE
        )
        return {"runs": found, "total": total, "pages": pages_of(total, A_PAGE)}

    async def answer(self, run_id: str) -> dict[str, Any]:
        """A request to adapt, with its answer once there is one."""
        return await asyncio.to_thread(self._answer, run_id)

    def _answer(self, run_id: str) -> dict[str, Any]:
        run = self._parts.store.runs.get(run_id)
        answer = self._parts.store.runs.answer(run_id) if run.state is RunState.DONE else None
        best = answer.picks[-1].architecture if answer else ""
        drawings = (
            {pick.architecture: draw(pick.architecture) for pick in answer.picks} if answer else {}
        )
        return {"run": run, "answer": answer, "drawings": drawings, "best": best}

    async def device(self, name: str) -> dict[str, Any]:
        """A device with its newest measurements, failures and answers."""
        return await asyncio.to_thread(self._device, name)

    def _device(self, name: str) -> dict[str, Any]:
        store, now_s = self._parts.store, self._parts.clock.now_s()
        store.device(name, now_s)
        (glance,) = store.views.glances([name], now_s)
        runs, _ = store.runs.find(name, limit=A_PAGE)
        spaces = dict.fromkeys(run.order.space for run in runs if run.state is RunState.DONE)
        newest = store.views.conditions(name, CONDITIONS_SHOWN)[::-1]
        return {
            "glance": glance,
            "runs": runs,
            "spaces": list(spaces),
            "newest": newest,
        }


def pages_of(total: int, size: int) -> int:
    """How many pages of a size hold so many rows; at least one."""
    return max(1, -(-total // size))


def pages_router(parts: WebParts) -> APIRouter:
    """Everything a person opens."""
    router, views = APIRouter(include_in_schema=False), Views(parts)

    @router.get("/")
    async def fleet(
        request: Request, q: Search = "", presence: Presence = Presence.ALL, page: Page = 1
    ) -> HTMLResponse:
        values = await views.fleet(q, presence, page)
        return render(request, "fleet.html", text=q, presence=presence, **values)

    @router.get("/devices/{name}")
    async def device(request: Request, name: str) -> HTMLResponse:
        return render(request, "device.html", **await views.device(check_name("device", name)))

    @router.get("/collections")
    async def collections(request: Request, page: Page = 1) -> HTMLResponse:
        return render(request, "collections.html", page=page, **await views.collections(page))

    @router.get("/collections/new")
    async def new_collection(request: Request, device: Search = "") -> HTMLResponse:
        return render(request, "collect.html", **collect_form({"device": device}))

    @router.get("/collections/{name}")
    async def collection(request: Request, name: str) -> HTMLResponse:
        return render(request, "collection.html", **await views.collection(name))

    @router.get("/answers")
    async def answers(request: Request, page: Page = 1, device: Search = "") -> HTMLResponse:
        values = await views.answers(page, device)
        return render(request, "answers.html", page=page, device=device, **values)

    @router.get("/answers/new")
    async def new_answer(request: Request, device: Search = "") -> HTMLResponse:
        return render(request, "adapt.html", **await adapt_form(parts, {"device": device}))

    @router.get("/answers/{run_id}")
    async def answer(request: Request, run_id: str) -> HTMLResponse:
        return render(request, "answer.html", **await views.answer(check_run_id(run_id)))

    @router.get("/login", response_model=None)
    async def login(request: Request, target: Target = "/") -> HTMLResponse | RedirectResponse:
        if not parts.gate.guards:
            return RedirectResponse("/", 303)
        return render(request, "login.html", next=target, message="")

    _add_live(router, views, Streams(parts))
    return router


def _add_live(router: APIRouter, views: Views, streams: Streams) -> None:
    """The same parts as streams; their paths are those of the pages below ``/live``."""

    def stream(
        request: Request, template: str, make: Any, bells: tuple[str, ...] = (), **more: Any
    ) -> StreamingResponse:
        async def html() -> str:
            return fragment(request, template, **more, **await make())

        return streams.response(request, html, bells)

    @router.get("/live/fleet")
    async def fleet(
        request: Request, q: Search = "", presence: Presence = Presence.ALL, page: Page = 1
    ) -> StreamingResponse:
        return stream(
            request,
            "parts/fleet.html",
            lambda: views.fleet(q, presence, page),
            text=q,
            presence=presence,
        )

    @router.get("/live/collections")
    async def collections(request: Request, page: Page = 1) -> StreamingResponse:
        make = lambda: views.collections(page)  # noqa: E731
        return stream(request, "parts/collections.html", make, page=page)

    @router.get("/live/collections/{name}")
    async def collection(request: Request, name: str) -> StreamingResponse:
        return stream(request, "parts/collection.html", lambda: views.collection(name))

    @router.get("/live/answers")
    async def answers(request: Request, page: Page = 1, device: Search = "") -> StreamingResponse:
        make = lambda: views.answers(page, device)  # noqa: E731
        return stream(request, "parts/answers.html", make, (ALL_RUNS,), page=page, device=device)

    @router.get("/live/answers/{run_id}")
    async def answer(request: Request, run_id: str) -> StreamingResponse:
        check_run_id(run_id)
        bells = (run_bell(run_id),)
        return stream(request, "parts/answer.html", lambda: views.answer(run_id), bells)

    @router.get("/live/devices/{name}")
    async def device(request: Request, name: str) -> StreamingResponse:
        check_name("device", name)
        bells = (reports_of(name),)
        return stream(request, "parts/device.html", lambda: views.device(name), bells)


async def adapt_form(
    parts: WebParts, given: Mapping[str, str], message: str = ""
) -> dict[str, Any]:
    """The values of the form that starts an adapt."""
    devices = await asyncio.to_thread(parts.store.devices, parts.clock.now_s())
    return {
        "devices": [one.name for one in devices],
        "spaces": gene_spaces(),
        "predictors": predictor_names(),
        "accuracies": await asyncio.to_thread(accuracy_choices),
        "objectives": OBJECTIVES[1:],
        "generators": generator_names(),
        "given": given,
        "more": any(given.get(name) for name in MORE_FIELDS),
        "message": message,
    }


def collect_form(given: Mapping[str, str], message: str = "") -> dict[str, Any]:
    """The values of the form that starts a collection."""
    return {"spaces": gene_spaces(), "given": given, "message": message}
