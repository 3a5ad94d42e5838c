"""Puts the gate, the limits and the audit log before every method of the server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from coordinator.clock import Clock
from coordinator.security.gate import Gate, Principal, peer_host
from coordinator.security.limits import Limits
from coordinator.security.records import AccessStore, AuditEntry
from coordinator.security.rules import RULES, Rule
from coordinator.servicers.errors import errors_to_status
from help_core.errors import BadInput, Forbidden, Unauthenticated

Context = grpc.aio.ServicerContext[Any, Any]
# A string: at run time the class takes no parameters.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"


class AccessInterceptor(grpc.aio.ServerInterceptor):
    """See the module's text.

    Messages are decoded behind the gate, so nothing of a stranger's is parsed before it, and
    what cannot be decoded is bad input rather than a defect.
    """

    def __init__(self, gate: Gate, limits: Limits, store: AccessStore, clock: Clock) -> None:
        self._gate = gate
        self._limits = limits
        self._store = store
        self._clock = clock

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """Wraps the method's handler."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        return _Wrapped(self, handler, method, RULES.get(method)).handler()

    @asynccontextmanager
    async def entering(
        self, method: str, rule: Rule | None, context: Context, decode: Callable[[], Any]
    ) -> AsyncIterator[Any]:
        """Admits one call and counts it while it lasts; yields its decoded request.

        Raises the error that refuses it.
        """
        try:
            principal = await self._admit(method, rule, context)
        except (Unauthenticated, Forbidden) as error:
            await self._gate.note_refusal(peer_host(context.peer()), method, error)
            raise
        with ExitStack() as stack:
            share = self._gate.share(principal)
            if share is not None:
                self._limits.charge(*share)
                stack.enter_context(self._limits.open_call(*share))
            request = decode()
            check_identity(principal, request)
            if rule is not None and rule.audited:
                await self._audit(principal, method, request)
            yield request

    async def _admit(self, method: str, rule: Rule | None, context: Context) -> Principal:
        principal = await self._gate.identify(context)
        if rule is None:
            if self._gate.guards:
                raise Forbidden(f"{method} has no rule that allows it")
            return principal
        self._gate.authorise(rule, principal)
        return principal

    async def _audit(self, principal: Principal, method: str, request: Any) -> None:
        entry = AuditEntry(
            at_unix_s=self._clock.now_s(),
            actor=principal.name,
            action=method.rpartition("/")[2],
            subject=_subject(request),
            peer=principal.peer,
            outcome="begun",
        )
        await asyncio.to_thread(self._store.add_entry, entry)

    async def checked(
        self,
        requests: AsyncIterator[Any],
        rule: Rule | None,
        context: Context,
        decode: Callable[[Any], Any],
    ) -> AsyncIterator[Any]:
        """The requests of a stream, as long as the caller is who it was and still may."""
        async for given in requests:
            principal = await self._gate.identify(context)
            if rule is not None:
                self._gate.authorise(rule, principal)
            request = decode(given)
            check_identity(principal, request)
            yield request


class _Wrapped:
    """One method's handler behind the interceptor."""

    def __init__(
        self, access: AccessInterceptor, handler: Handler, method: str, rule: Rule | None
    ) -> None:
        self._access = access
        self._handler: Any = handler
        self._method = method
        self._rule = rule

    def handler(self) -> Handler:
        """A handler of the same kind."""
        old = self._handler
        kinds = {
            (False, False): (grpc.unary_unary_rpc_method_handler, self._one, old.unary_unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, self._many, old.unary_stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, self._one, old.stream_unary),
            (True, True): (grpc.stream_stream_rpc_method_handler, self._many, old.stream_stream),
        }
        make, wrap, behaviour = kinds[bool(old.request_streaming), bool(old.response_streaming)]
        if not inspect.isasyncgenfunction(behaviour):
            # Responses are returned, or written to the context as the standard services do.
            wrap = self._one
        made: Handler = make(
            wrap(behaviour), request_deserializer=None, response_serializer=old.response_serializer
        )
        return made

    def _decode(self, given: Any) -> Any:
        deserialize = self._handler.request_deserializer
        try:
            return given if deserialize is None else deserialize(given)
        except DecodeError as error:
            raise BadInput(f"the message cannot be decoded ({str(error)[:120]!r})") from None

    def _first(self, given: Any) -> Callable[[], Any]:
        return lambda: None if self._handler.request_streaming else self._decode(given)

    def _requests(self, given: Any, first: Any, context: Context) -> Any:
        if not self._handler.request_streaming:
            return first
        return self._access.checked(given, self._rule, context, self._decode)

    def _one(self, behaviour: Any) -> Any:
        async def call(given: Any, context: Context) -> Any:
            async with (
                errors_to_status(context),
                self._access.entering(
                    self._method, self._rule, context, self._first(given)
                ) as request,
            ):
                return await behaviour(self._requests(given, request, context), context)

        return call

    def _many(self, behaviour: Any) -> Any:
        async def call(given: Any, context: Context) -> AsyncIterator[Any]:
            async with (
                errors_to_status(context),
                self._access.entering(
                    self._method, self._rule, context, self._first(given)
                ) as request,
                aclosing(behaviour(self._requests(given, request, context), context)) as responses,
            ):
                async for response in responses:
                    yield response

        return call


def check_identity(principal: Principal, request: Any) -> None:
    """An agent acts for itself alone; raises ``Forbidden``."""
    claimed = getattr(request, "agent_id", None)
    if principal.agent_id and claimed is not None and claimed != principal.agent_id:
        raise Forbidden(
            f"agent {principal.agent_id} may not act as {claimed[:64]!r}; its certificate says who"
            " it is"
        )


def _subject(request: Any) -> str:
    parts = [
        str(getattr(request, name, "") or "") for name in ("device", "space", "collection", "name")
    ]
    devices = getattr(request, "devices", None)
    if devices:
        parts += [str(name) for name in devices[:4]]
    return " ".join(repr(part)[1:-1] for part in parts if part)
