"""Stands before every page: whom the request is for, from where, by whom, and how often.

Written on ASGI itself, so that streams pass through it unbuffered.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator.security.gate import Principal
from coordinator.security.rules import Rule, Who
from coordinator.security.secrets import MAX_SECRET_CHARS, digest_of
from coordinator.web.cookies import CookieNames, form_token, new_visitor, read_session, set_cookie
from coordinator.web.errors import problem
from coordinator.web.parts import WebParts
from help_core.errors import Forbidden, HelpError, Unauthenticated
from help_proto.trust import is_loopback

USER = Rule(Who.USER)
OPEN_PATHS = ("/login", "/static/")
MAX_BODY_BYTES = 4_000_000
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Who makes a request, as its handlers see it in ``request.state.visit``."""

    principal: Principal
    visitor: str
    session: str
    digest: str = field(repr=False)
    """Of the token that was shown; empty on loopback."""
    form_token: str = field(repr=False)

    @property
    def logged_in(self) -> bool:
        """Whether there is a session to end."""
        return bool(self.session)


class Guarded:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, parts: WebParts) -> None:
        self._app = app
        self._parts = parts
        self._names = CookieNames.of(tls=parts.tls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or its refusal."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        cookies = _cookies(request.headers)
        visitor = cookies.get(self._names.visitor, "")
        fresh = "" if 20 <= len(visitor) <= 100 else new_visitor()
        sending = self._sending(send, scope["path"], fresh)
        try:
            self._check_origin(request)
            principal, session, digest = await self._identify(request, cookies)
            token = form_token(self._parts.key, visitor or fresh, session)
            request.state.visit = Visit(principal, visitor or fresh, session, digest, token)
            self._check_allowed(request, principal)
            with ExitStack() as stack:
                share = self._parts.gate.share(principal)
                if share is not None:
                    self._parts.limits.charge(*share)
                    stack.enter_context(self._parts.limits.open_call(*share))
                await self._app(scope, receive, sending)
        except HelpError as error:
            await self._refuse(request, error)(scope, receive, sending)

    def _sending(self, send: Send, path: str, fresh_visitor: str) -> Send:
        """Adds headers to every response, and the cookie to who has none yet."""
        cookie = set_cookie(self._names.visitor, fresh_visitor, tls=self._parts.tls)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not path.startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
                    if fresh_visitor:
                        headers.append("Set-Cookie", cookie)
            await send(message)

        return sending

    def _check_origin(self, request: Request) -> None:
        """Raises ``Forbidden`` for another name of this machine, or another site's request.

        A page of another site can have its own name point here (DNS rebinding) and would then
        be same-origin to the browser: names that are not ours are refused.
        """
        host = request.headers.get("host", "")
        name = (host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host).lower()
        if not (is_loopback(f"{name}:1") or name.strip("[]") in self._parts.hosts):
            raise Forbidden(
                f"this coordinator does not answer to the name {name[:80]!r};"
                " 'help-coord tls init --host NAME' adds one"
            )
        if request.method in SAFE_METHODS:
            return
        origin = request.headers.get("origin")
        scheme = "https" if self._parts.tls else "http"
        other = origin is not None and origin.lower() != f"{scheme}://{host}".lower()
        site = request.headers.get("sec-fetch-site", "same-origin")
        if other or site not in ("same-origin", "none"):
            raise Forbidden("the request came from another site")
        if int(request.headers.get("content-length", "0") or 0) > MAX_BODY_BYTES:
            raise Forbidden(f"more than {MAX_BODY_BYTES / 1e6:g} MB in one request")

    async def _identify(
        self, request: Request, cookies: dict[str, str]
    ) -> tuple[Principal, str, str]:
        """Who asks, the session's cookie if we know by that, and the token's digest."""
        peer = request.client.host if request.client else "unknown"
        gate, value = self._parts.gate, cookies.get(self._names.session, "")
        given = request.headers.get("authorization", "")
        if not gate.guards:
            return await gate.user("", peer), "", ""
        if given:
            kind, _, secret = given.partition(" ")
            if kind.lower() != "bearer" or not 0 < len(secret) <= MAX_SECRET_CHARS:
                raise Unauthenticated("the authorization header is no bearer token")
            digest = digest_of(secret)
            return await gate.user(digest, peer), "", digest
        known = read_session(self._parts.key, value, self._parts.clock.now_s()) if value else None
        if known is None:
            return Principal("anonymous", peer), "", ""
        try:
            return await gate.user(known, peer), value, known
        except Unauthenticated:
            # The token was revoked or has expired since: as if there were no session.
            return Principal("anonymous", peer), "", ""

    def _check_allowed(self, request: Request, principal: Principal) -> None:
        if not request.url.path.startswith(OPEN_PATHS):
            self._parts.gate.authorise(USER, principal)

    def _refuse(self, request: Request, error: HelpError) -> Response:
        page = request.method == "GET" and not request.url.path.startswith(("/api/", "/live/"))
        if isinstance(error, Unauthenticated) and page:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/login?next={quote(request.url.path + query)}", 303)
        return problem(request, error)


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie")).items()}
    except CookieError:
        return {}


def visit_of(request: Request) -> Visit:
    """Who makes the request."""
    visit: Visit = request.state.visit
    return visit
