"""Templates, and how figures are written on pages."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from help_core import __version__

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


def _ago(unix_s: float | None) -> str:
    """Time since a moment; no finer than a minute, so that pages at rest stay as they are."""
    if not unix_s:
        return "never"
    seconds = max(0.0, time.time() - unix_s)
    if seconds < 60:
        return "just now"
    for limit, unit, size in ((5400, "min", 60), (129_600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds / 86_400:.0f} days ago"


def _moment(unix_s: float | None) -> str:
    """ISO 8601 in UTC, for ``<time datetime>``."""
    if unix_s is None:
        return ""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}g}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "ago": _ago,
        "moment": _moment,
        "day": _day,
        "figure": _figure,
        "percent": _percent,
        "count": lambda value: f"{value:,}".replace(",", " "),
    }
    # A new release is a new address, so that browsers never mix two releases' files.
    made.globals["version"] = __version__
    made.globals["asset"] = lambda name: f"/static/{name}?v={_changed(name)}"
    return made


def _changed(name: str) -> int:
    return int((STATIC / name).stat().st_mtime)


ENVIRONMENT = _environment()


def fragment(request: Request, template: str, **values: Any) -> str:
    """A part of a page."""
    visit = getattr(request.state, "visit", None)
    return ENVIRONMENT.get_template(template).render(
        visit=visit, path=request.url.path, query=request.url.query, **values
    )


def render(request: Request, template: str, code: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    return HTMLResponse(fragment(request, template, **values), code)
