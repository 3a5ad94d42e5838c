"""The application: pages, forms, files and JSON behind one guard."""

from __future__ import annotations

from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from coordinator.web.api import api_router
from coordinator.web.auth import Guarded
from coordinator.web.downloads import downloads_router
from coordinator.web.errors import problem
from coordinator.web.forms import session_router, work_router
from coordinator.web.pages import pages_router
from coordinator.web.parts import WebParts
from coordinator.web.render import STATIC
from help_core import __version__
from help_core.errors import BadInput, HelpError, NotFound

DESCRIPTION = """The fleet as read-only JSON: devices, collections, answers, jobs.

On loopback no credentials are needed; elsewhere send `Authorization: Bearer TOKEN` with a token
of role user or admin (`help-coord token create`). Moments are seconds since 1970, latencies ms."""


class CachedFiles(StaticFiles):
    """Files whose address changes with their content, so that browsers may keep them."""

    def file_response(self, *given: object, **named: object) -> Response:
        """The file, to be kept for a day."""
        response: Response = super().file_response(*given, **named)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response


def make_app(parts: WebParts) -> ASGIApp:
    """Everything behind the guard."""
    app = FastAPI(
        title="help-fleet",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(api_router(parts))
    app.include_router(downloads_router(parts))
    app.include_router(work_router(parts))
    app.include_router(session_router(parts))
    app.include_router(pages_router(parts))
    app.mount("/static", CachedFiles(directory=STATIC))
    app.add_exception_handler(HelpError, _help_error)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http_error)
    return Guarded(app, parts)


# Starlette gives a handler only errors of the class that it was added for.


async def _help_error(request: Request, error: Exception) -> Response:
    return problem(request, cast(HelpError, error))


async def _bad_request(request: Request, error: Exception) -> Response:
    first = cast(RequestValidationError, error).errors()[0]
    where = " ".join(str(part) for part in first["loc"])
    return problem(request, BadInput(f"{where}: {first['msg']}"))


async def _http_error(request: Request, error: Exception) -> Response:
    refused = cast(HTTPException, error)
    if refused.status_code == 404:
        return problem(request, NotFound(f"there is no page {request.url.path[:80]}"))
    response = problem(request, BadInput(str(refused.detail)))
    response.status_code = refused.status_code
    response.headers.update(refused.headers or {})
    return response
