"""How errors reach a browser: a page for a person, JSON for a program."""

from __future__ import annotations

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from help_core import errors
from help_core.errors import HelpError

STATUS: dict[type[HelpError], int] = {
    errors.BadInput: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NothingMeets: 409,
    errors.MeasurementFailed: 409,
    errors.Incompatible: 409,
    errors.RateLimited: 429,
    errors.StoreError: 503,
    errors.TimedOut: 504,
}


class Problem(BaseModel):
    """What is wrong, in one line."""

    error: str
    message: str


def status_of(error: HelpError) -> int:
    """The HTTP status of an error, by the nearest class that has one."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(request: Request, error: HelpError) -> Response:
    """The response that an error becomes."""
    status = status_of(error)
    if request.url.path.startswith("/api/"):
        content = Problem(error=type(error).__name__, message=str(error))
        response: Response = JSONResponse(content.model_dump(), status)
    else:
        # Imported late: templates need the errors above.
        from coordinator.web.render import render

        response = render(request, "error.html", status, status=status, message=str(error))
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
