"""What a person starts and cancels: every form carries a token that only our pages hold.

Without postponed annotations: FastAPI reads those of the handlers, which name a local.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from coordinator.security.records import AuditEntry
from coordinator.security.secrets import MAX_SECRET_CHARS, digest_of
from coordinator.web.auth import MAX_BODY_BYTES, visit_of
from coordinator.web.cookies import SESSION_S, CookieNames, is_form_token, set_cookie, sign_session
from coordinator.web.orders import Form, adapt_order, collect_order
from coordinator.web.pages import adapt_form, collect_form
from coordinator.web.parts import WebParts
from coordinator.web.render import render
from help_core.errors import BadInput, Forbidden, NotFound, Unauthenticated
from help_core.records import check_run_id

SEE_OTHER = 303


def _checker(parts: WebParts) -> Callable[[Request], Awaitable[Form]]:
    """Reads a form and refuses one that none of our pages holds."""

    async def checked(request: Request) -> Form:
        form = await read_form(request)
        visit = visit_of(request)
        token = form.pop("form_token", "")
        if not is_form_token(parts.key, visit.visitor, visit.session, token):
            raise Forbidden(
                "this form is of another session, or of before the coordinator restarted;"
                " go back, reload the page and send it again"
            )
        return form

    return checked


def work_router(parts: WebParts) -> APIRouter:
    """What begins and ends work."""
    router = APIRouter(include_in_schema=False)
    Checked = Annotated[Form, Depends(_checker(parts))]

    @router.post("/answers/new")
    async def adapt(request: Request, form: Checked) -> Response:
        try:
            order = await asyncio.to_thread(adapt_order, form)
            await _audit(parts, request, "Adapt", f"{order.device} {order.space}")
            run = await parts.runs.start(order, visit_of(request).principal.name)
        except (BadInput, NotFound) as error:
            values = await adapt_form(parts, form, str(error))
            return render(request, "adapt.html", 400, **values)
        return RedirectResponse(f"/answers/{run.id}", SEE_OTHER)

    @router.post("/answers/{run_id}/cancel")
    async def cancel_adapt(request: Request, run_id: str, form: Checked) -> Response:
        await _audit(parts, request, "CancelAdapt", check_run_id(run_id))
        await parts.runs.cancel(run_id)
        return RedirectResponse(f"/answers/{run_id}", SEE_OTHER)

    @router.post("/collections/new")
    async def collect(request: Request, form: Checked) -> Response:
        try:
            wanted = await asyncio.to_thread(collect_order, form)
            await _audit(parts, request, "Collect", wanted.order.name)
            async with aclosing(parts.collecting.collect(wanted)) as events:
                await anext(events)
        except (BadInput, NotFound) as error:
            return render(request, "collect.html", 400, **collect_form(form, str(error)))
        return RedirectResponse(f"/collections/{wanted.order.name}", SEE_OTHER)

    @router.post("/collections/{name}/cancel")
    async def cancel_collection(request: Request, name: str, form: Checked) -> Response:
        await _audit(parts, request, "CancelJobs", name)
        await parts.collecting.cancel(name, [])
        return RedirectResponse(f"/collections/{name}", SEE_OTHER)

    return router


def session_router(parts: WebParts) -> APIRouter:
    """Who comes and goes."""
    router, names = APIRouter(include_in_schema=False), CookieNames.of(tls=parts.tls)
    Checked = Annotated[Form, Depends(_checker(parts))]

    @router.post("/login")
    async def login(request: Request, form: Checked) -> Response:
        secret, target = form.get("token", "").strip(), form.get("next", "/")
        peer = visit_of(request).principal.peer
        try:
            if not 0 < len(secret) <= MAX_SECRET_CHARS:
                raise Unauthenticated("this is no token")
            await parts.gate.user(digest_of(secret), peer)
        except (Unauthenticated, Forbidden) as error:
            await parts.gate.note_refusal(peer, "web login", error)
            return render(request, "login.html", 401, next=target, message=str(error))
        value = sign_session(parts.key, secret, parts.clock.now_s())
        response = RedirectResponse(local_path(target), SEE_OTHER)
        cookie = set_cookie(names.session, value, int(SESSION_S), tls=parts.tls)
        response.headers.append("Set-Cookie", cookie)
        return response

    @router.post("/logout")
    async def logout(form: Checked) -> Response:
        response = RedirectResponse("/login" if parts.gate.guards else "/", SEE_OTHER)
        cookie = set_cookie(names.session, "", 0, tls=parts.tls)
        response.headers.append("Set-Cookie", cookie)
        return response

    return router


async def read_form(request: Request) -> Form:
    """The fields of an URL-encoded body; raises ``BadInput`` if it is none or too long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadInput("a form is sent as application/x-www-form-urlencoded")
    body = bytearray()
    async for part in _stream(request):
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise BadInput(f"a form holds at most {MAX_BODY_BYTES / 1e6:g} MB")
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=100, errors="strict"
        )
    except (UnicodeDecodeError, ValueError):
        raise BadInput("the form cannot be read: it is not UTF-8, or has too many fields") from None
    return dict(fields)


async def _stream(request: Request) -> AsyncIterator[bytes]:
    async for part in request.stream():
        yield part


def local_path(target: str) -> str:
    """``target`` if it leads to a page of ours, else the first page."""
    plain = target.startswith("/") and target.isprintable() and "\\" not in target
    return target if plain and not target.startswith("//") else "/"


async def _audit(parts: WebParts, request: Request, action: str, subject: str) -> None:
    principal = visit_of(request).principal
    shown = "".join(c if c.isprintable() else "?" for c in subject)[:256]
    entry = AuditEntry(parts.clock.now_s(), principal.name, action, shown, principal.peer, "begun")
    await asyncio.to_thread(parts.store.access.add_entry, entry)
