"""Finds out who calls, and whether they may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote

import grpc
from cryptography import x509
from cryptography.x509.oid import NameOID

from coordinator.clock import Clock
from coordinator.security.cache import Remembered
from coordinator.security.certificates import USER_NAME, issuer_key, serial_of, user_name
from coordinator.security.limits import KNOWN, STRANGER, Allowance, Limits
from coordinator.security.records import (
    AccessStore,
    AuditEntry,
    IssuedCertificate,
    Role,
    Token,
)
from coordinator.security.rules import Rule, Who
from coordinator.security.secrets import MAX_SECRET_CHARS, digest_of, digest_of_certificate
from help_core.errors import Forbidden, RateLimited, Unauthenticated

Context = grpc.aio.ServicerContext[Any, Any]

REMEMBER_S = 5.0
"""How long another coordinator's revocation may stay unseen here."""
TOUCH_EVERY_S = 60.0
REFUSALS = Allowance(rate_per_s=0.2, burst=20.0, open_calls=0)
"""Entries of refused calls in the audit log: enough to see an attack, too few to fill a disk."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. ``agent_id`` is set for agents, ``role`` for users; neither for strangers."""

    name: str
    peer: str
    role: Role | None = None
    agent_id: str = ""

    @property
    def known(self) -> bool:
        """Whether it showed credentials."""
        return self.role is not None or bool(self.agent_id)


class Gate(Protocol):
    """Decides at the beginning of each call, and at each message of a stream."""

    guards: bool
    """Whether it may refuse anybody."""

    async def identify(self, context: Context) -> Principal:
        """Who calls; raises ``Unauthenticated`` for credentials that are not good."""

    async def user(self, digest: str, peer: str) -> Principal:
        """The user whose token has that digest; raises ``Unauthenticated`` or ``Forbidden``."""

    def authorise(self, rule: Rule, principal: Principal) -> None:
        """Raises ``Unauthenticated`` or ``Forbidden`` if the rule is not for that principal."""

    def share(self, principal: Principal) -> tuple[str, Allowance] | None:
        """Whose share a call counts against, and how large it is."""

    async def note_refusal(self, peer: str, action: str, error: Exception) -> None:
        """Writes a refused call to the audit log."""

    def forget(self) -> None:
        """Looks everything up again: called after a revocation here."""


class OpenGate:
    """On loopback without TLS everything is allowed to whoever can reach it."""

    guards = False

    async def identify(self, context: Context) -> Principal:
        """Everybody is the admin of this machine."""
        return await self.user("", peer_host(context.peer()))

    async def user(self, digest: str, peer: str) -> Principal:
        """See ``identify``."""
        return Principal("local", peer, Role.ADMIN)

    def authorise(self, rule: Rule, principal: Principal) -> None:
        """Allows all."""

    def share(self, principal: Principal) -> tuple[str, Allowance] | None:
        """No bound: a simulated fleet of thousands has one address."""
        return None

    async def note_refusal(self, peer: str, action: str, error: Exception) -> None:
        """There are none."""

    def forget(self) -> None:
        """Remembers nothing."""


class GuardedGate:
    """Knows callers by certificate or bearer token, and holds the rules."""

    guards = True

    def __init__(
        self,
        store: AccessStore,
        clock: Clock,
        limits: Limits,
        authorities: Callable[[], frozenset[str]],
    ) -> None:
        """``authorities``: the keys that are trusted now, as certificates name their issuer."""
        self._store = store
        self._authorities = authorities
        self._clock = clock
        self._limits = limits
        self._certificates = Remembered[IssuedCertificate](store.certificate, clock, REMEMBER_S)
        self._tokens = Remembered[Token](store.token, clock, REMEMBER_S)
        self._touched: dict[str, float] = {}

    def forget(self) -> None:
        """See ``Gate``."""
        self._certificates.expire()
        self._tokens.expire()

    async def identify(self, context: Context) -> Principal:
        """See ``Gate``."""
        peer = peer_host(context.peer())
        for pem in (context.auth_context() or {}).get("x509_pem_cert", ()):
            return await self._holder(bytes(pem), peer)
        secret = _bearer(context)
        if secret is None:
            return Principal("anonymous", peer)
        return await self.user(digest_of(secret), peer)

    async def _holder(self, pem: bytes, peer: str) -> Principal:
        """Who shows a certificate that the handshake found to be good."""
        serial, name, issuer = _identity(pem)
        if issuer not in self._authorities():
            # The handshake was when it was trusted still; a connection may last for months.
            raise Unauthenticated(
                "the authority of this certificate was replaced before it was renewed; an admin"
                " can revoke the agent and make a token to enrol it again, or make a user another"
            )
        if name.startswith(USER_NAME):
            token = await self._tokens.get(digest_of_certificate(serial))
            if token is None or user_name(token.id) != name:
                raise Unauthenticated("this certificate is not of this coordinator")
            return await self._user(token, peer)
        return await self._agent(serial, name, peer)

    async def _agent(self, serial: str, agent_id: str, peer: str) -> Principal:
        certificate = await self._certificates.get(serial)
        if certificate is None or certificate.agent_id != agent_id:
            raise Unauthenticated("this certificate is not of this coordinator; enrol again")
        if certificate.revoked:
            raise Unauthenticated(
                f"the certificate of agent {agent_id} was revoked; an admin can make a token to"
                " enrol it again"
            )
        if certificate.expires_unix_s <= self._clock.now_s():
            raise Unauthenticated(f"the certificate of agent {agent_id} has expired; enrol again")
        return Principal(f"agent:{agent_id}", peer, agent_id=agent_id)

    async def user(self, digest: str, peer: str) -> Principal:
        """See ``Gate``."""
        token = await self._find_token(digest, peer)
        if token is None:
            raise Unauthenticated("unknown token; see 'help-coord login'")
        return await self._user(token, peer)

    async def _user(self, token: Token, peer: str) -> Principal:
        if token.revoked or token.expires_unix_s <= self._clock.now_s():
            state = "was revoked" if token.revoked else "has expired"
            raise Unauthenticated(f"token {token.id} {state}; ask an admin for another")
        if token.role is Role.AGENT_ENROL:
            raise Forbidden(f"token {token.id} enrols an agent and does nothing else")
        await self._touch(token, peer)
        return Principal(f"token:{token.id}", peer, token.role)

    async def _find_token(self, digest: str, peer: str) -> Token | None:
        """The token; guesses count against their address, tokens that were good once do not."""
        if self._tokens.seen(digest):
            return await self._tokens.get(digest)
        self._limits.charge(peer, STRANGER)
        token = await self._tokens.get(digest)
        if token is not None:
            self._limits.refund(peer, STRANGER)
        return token

    async def _touch(self, token: Token, peer: str) -> None:
        now_s = self._clock.now_s()
        last_s = self._touched.get(token.id)
        if last_s is not None and now_s - last_s < TOUCH_EVERY_S:
            return
        self._touched[token.id] = now_s
        await asyncio.to_thread(self._store.touch_token, token.id, now_s)
        if last_s is None:
            entry = AuditEntry(now_s, f"token:{token.id}", "first-use", token.label, peer, "ok")
            await asyncio.to_thread(self._store.add_entry, entry)

    def authorise(self, rule: Rule, principal: Principal) -> None:
        """See ``Gate``."""
        if rule.who is Who.ANYBODY:
            return
        if not principal.known:
            raise Unauthenticated(
                "agents show a certificate, on the agents' port: run 'help-agent enroll'"
                if rule.who is Who.AGENT
                else "this coordinator wants a token: run 'help-coord login'"
            )
        if rule.who is Who.AGENT:
            allowed = bool(principal.agent_id)
        else:
            allowed = principal.role is Role.ADMIN or (
                principal.role is Role.USER and rule.who is Who.USER
            )
        if not allowed:
            raise Forbidden(f"{principal.name} is not allowed to do that; it is for: {rule.who}")

    def share(self, principal: Principal) -> tuple[str, Allowance] | None:
        """See ``Gate``."""
        return (principal.name, KNOWN) if principal.known else (principal.peer, STRANGER)

    async def note_refusal(self, peer: str, action: str, error: Exception) -> None:
        """See ``Gate``; as far as the log's own share goes."""
        try:
            self._limits.charge("audit of refusals", REFUSALS)
        except RateLimited:
            return
        entry = AuditEntry(self._clock.now_s(), "refused", action, "", peer, str(error))
        await asyncio.to_thread(self._store.add_entry, entry)


def peer_host(peer: str) -> str:
    """The address of a gRPC peer, without scheme and port."""
    _, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") or peer


def _bearer(context: Context) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            text = value if isinstance(value, str) else value.decode("latin-1")
            kind, _, secret = text.partition(" ")
            if kind != "Bearer" or not 0 < len(secret) <= MAX_SECRET_CHARS:
                raise Unauthenticated("the authorization header is no bearer token")
            return secret
    return None


@lru_cache(maxsize=4096)
def _identity(pem: bytes) -> tuple[str, str, str]:
    certificate = x509.load_pem_x509_certificate(pem)
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return serial_of(certificate), str(name.value), issuer_key(certificate)
