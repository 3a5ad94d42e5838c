"""What a person starts and cancels: every form carries a token that only our pages hold.

Without postponed annotations: FastAPI reads those of the handlers, which name a local.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated
from urllib.parse import parse_qsl

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from coordinator.parse import parse_count
from coordinator.security.records import AuditEntry
from coordinator.security.secrets import MAX_SECRET_CHARS, digest_of
from coordinator.usecases.collect import Wanted
from coordinator.web.auth import MAX_BODY_BYTES, visit_of
from coordinator.web.cookies import SESSION_S, CookieNames, is_form_token, set_cookie, sign_session
from coordinator.web.pages import adapt_form, collect_form
from coordinator.web.parts import WebParts
from coordinator.web.render import render
from help_core.errors import BadInput, Forbidden, NotFound, Unauthenticated
from help_core.records import AdaptOrder, CollectionOrder, Limits, check_run_id
from help_core.records.orders import DEFAULT_SAMPLES, MEDIAN
from help_core.spaces import get_gene_space
from help_core.spaces.base import sample_genes

Form = dict[str, str]
MAX_SAMPLED = 15_625
SEE_OTHER = 303


def forms_router(parts: WebParts) -> APIRouter:
    """Everything that changes something."""
    router, names = APIRouter(include_in_schema=False), CookieNames.of(tls=parts.tls)

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

    Checked = Annotated[Form, Depends(checked)]

    @router.post("/answers/new")
    async def adapt(request: Request, form: Checked) -> Response:
        try:
            order = adapt_order(form)
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


def adapt_order(form: Form) -> AdaptOrder:
    """What to adapt; raises ``BadInput``."""
    return AdaptOrder(
        device=form.get("device", "").strip(),
        more_devices=tuple(words(form, "more_devices")),
        space=form.get("space", ""),
        predictor=form.get("predictor", ""),
        samples=whole(form, "samples", DEFAULT_SAMPLES),
        max_latency_ms=numbers(form, "max_latency_ms", "a latency limit"),
        percentile=number(form.get("percentile", "").strip() or str(MEDIAN), "the percentile"),
        limits=Limits(
            max_parameters=parse_count(form.get("max_params", "").strip()),
            max_multiply_adds=parse_count(form.get("max_flops", "").strip()),
        ),
        min_accuracy_percent=numbers(form, "min_accuracy", "a least accuracy"),
        whole_front="whole_front" in form,
        accuracy_source=form.get("accuracy", ""),
        top=whole(form, "top", 1),
        verify="verify" in form,
        seed=whole(form, "seed", 0),
        fresh="fresh" in form,
    )


def collect_order(form: Form) -> Wanted:
    """What to collect; raises ``BadInput`` or ``NotFound``."""
    space_name, sample = form.get("space", ""), whole(form, "sample", 0)
    if sample > MAX_SAMPLED:
        raise BadInput(f"draw at most {MAX_SAMPLED} architectures at once")
    names = form.get("architectures", "").split()
    if sample:
        space = get_gene_space(space_name)
        genes = sample_genes(space, sample, np.random.default_rng(whole(form, "seed", 0)))
        names += [str(one) for one in space.from_genes(genes)]
    labels = [pair.partition("=") for pair in words(form, "labels")]
    if any(not middle for _, middle, _ in labels):
        raise BadInput("a label is written NAME=VALUE")
    name = form.get("name", "").strip() or f"collection-{uuid.uuid4().hex[:8]}"
    hours = form.get("deadline_h", "").strip()
    return Wanted(
        order=CollectionOrder(
            name,
            whole(form, "priority", 0),
            number(hours, "the deadline") * 3600 if hours else None,
        ),
        devices=words(form, "device"),
        labels={key: value for key, _, value in labels},
        architectures=names,
    )


def words(form: Form, name: str) -> list[str]:
    """What is written between commas or spaces."""
    return form.get(name, "").replace(",", " ").split()


def numbers(form: Form, name: str, what: str) -> tuple[float, ...]:
    """Numbers between commas or spaces; raises ``BadInput``."""
    return tuple(number(word, what) for word in words(form, name))


def whole(form: Form, name: str, default: int) -> int:
    """A whole number of a form; raises ``BadInput``."""
    text = form.get(name, "").strip()
    try:
        value = int(text) if text else default
    except ValueError:
        raise BadInput(f"{name} {text[:40]!r} is no whole number") from None
    if abs(value) >= 2**31:
        raise BadInput(f"{name} {text[:40]!r} is too large")
    if value < 0 and name != "priority":
        raise BadInput(f"{name} {value} is below 0")
    return value


def number(text: str, what: str) -> float:
    """A number of a form; raises ``BadInput``."""
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"{what} {text[:40]!r} is no number") from None


async def _audit(parts: WebParts, request: Request, action: str, subject: str) -> None:
    principal = visit_of(request).principal
    shown = "".join(c if c.isprintable() else "?" for c in subject)[:256]
    entry = AuditEntry(parts.clock.now_s(), principal.name, action, shown, principal.peer, "begun")
    await asyncio.to_thread(parts.store.access.add_entry, entry)
