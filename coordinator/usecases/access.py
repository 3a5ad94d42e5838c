"""Tokens, enrolment, renewal, revocation and the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from coordinator.clock import Clock
from coordinator.security.authority import Authority
from coordinator.security.gate import Gate, Principal
from coordinator.security.records import (
    AccessStore,
    AuditEntry,
    EnrolledAgent,
    IssuedCertificate,
    Role,
    Token,
)
from coordinator.security.secrets import (
    MAX_SECRET_CHARS,
    digest_of,
    digest_of_certificate,
    new_secret,
    new_token_id,
)
from help_core.errors import BadInput, Conflict, Unauthenticated

MAX_LABEL_CHARS = 64
MIN_LIFETIME_S = 1.0
MAX_LIFETIME_S = 10 * 365 * 86_400.0
MAX_ENTRIES = 1000


class Access:
    """The use cases of the authority and its admins."""

    def __init__(
        self, store: AccessStore, clock: Clock, gate: Gate, authority: Authority | None
    ) -> None:
        self._store = store
        self._clock = clock
        self._gate = gate
        self._authority = authority

    @property
    def authority(self) -> Authority:
        """Raises ``Conflict`` on a coordinator without TLS."""
        if self._authority is None:
            raise Conflict(
                "this coordinator runs without TLS, so it enrols nobody;"
                " start it with 'help-coord serve --tls'"
            )
        return self._authority

    @property
    def fingerprint(self) -> str:
        """The authority's, or nothing without TLS."""
        return self._authority.fingerprint if self._authority else ""

    async def create_token(
        self, role: Role, label: str, lifetime_s: float, actor: Principal
    ) -> tuple[str, Token]:
        """A new secret, which is shown once, and what is kept of it."""
        token = self._new_token(role, label, lifetime_s)
        secret = new_secret(role)
        await self._add(token, digest_of(secret), actor)
        return secret, token

    async def create_certificate(
        self, role: Role, label: str, lifetime_s: float, csr_pem: bytes, actor: Principal
    ) -> tuple[bytes, Token]:
        """A client certificate, in PEM, that a user or an admin shows instead of a secret."""
        if role is Role.AGENT_ENROL:
            raise BadInput("an agent gets its certificate with 'help-agent enroll'")
        token = replace(self._new_token(role, label, lifetime_s), certificate=True)
        serial, pem = self.authority.sign_user(csr_pem, token.id, token.created_unix_s, lifetime_s)
        await self._add(token, digest_of_certificate(serial), actor)
        return pem, token

    def _new_token(self, role: Role, label: str, lifetime_s: float) -> Token:
        if not MIN_LIFETIME_S <= lifetime_s <= MAX_LIFETIME_S:
            raise BadInput(f"a lifetime of {lifetime_s:g} s; a token lives from 1 s to 10 years")
        if len(label) > MAX_LABEL_CHARS or not label.isprintable():
            raise BadInput(f"a label has at most {MAX_LABEL_CHARS} printable characters")
        now_s = self._clock.now_s()
        return Token(new_token_id(), role, label, now_s, now_s + lifetime_s)

    async def _add(self, token: Token, digest: str, actor: Principal) -> None:
        action = "create-certificate" if token.certificate else "create-token"
        entry = self._entry(actor, action, f"{token.id} {token.role} {token.label}")
        await asyncio.to_thread(self._store.add_token, token, digest, entry)

    async def tokens(self) -> list[Token]:
        """All tokens, newest first."""
        return await asyncio.to_thread(self._store.tokens)

    async def revoke_token(self, token_id: str, actor: Principal) -> None:
        """Raises ``NotFound``."""
        entry = self._entry(actor, "revoke-token", token_id)
        await asyncio.to_thread(self._store.revoke_token, token_id, entry)
        self._gate.forget()

    async def enrol(self, secret: str, agent_id: str, csr_pem: bytes, peer: str) -> bytes:
        """The certificate, in PEM, of an agent that holds a one-time token."""
        check_agent_id(agent_id)
        if not 0 < len(secret) <= MAX_SECRET_CHARS:
            raise Unauthenticated("this is no enrolment token")
        now_s = self._clock.now_s()
        digest = digest_of(secret)
        token = await asyncio.to_thread(self._store.token, digest)
        actor = f"token:{token.id}" if token else "anonymous"
        entry = AuditEntry(now_s, actor, "enrol", agent_id, peer, "ok")
        try:
            if token is None:
                raise Unauthenticated("this is no enrolment token of this coordinator")
            signed = self.authority.sign_agent(csr_pem, agent_id, now_s)
            kept = await asyncio.to_thread(self._store.enrol, digest, signed, entry)
        except Unauthenticated as error:
            await self._gate.note_refusal(peer, "enrol", error)
            raise
        self._gate.forget()
        return kept.pem

    async def renew(self, csr_pem: bytes, actor: Principal) -> IssuedCertificate:
        """A new certificate for the agent that asks; its old one stays good until it ends."""
        signed = self.authority.sign_agent(csr_pem, actor.agent_id, self._clock.now_s())
        entry = self._entry(actor, "renew", actor.agent_id)
        await asyncio.to_thread(self._store.add_certificate, signed, entry)
        return signed

    async def agents(self) -> list[EnrolledAgent]:
        """Every agent that was ever enrolled."""
        return await asyncio.to_thread(self._store.agents)

    async def revoke_agent(self, agent: str, actor: Principal) -> tuple[str, int]:
        """Returns the agent's id and how many certificates it held; raises ``NotFound``."""
        entry = self._entry(actor, "revoke-agent", agent)
        found = await asyncio.to_thread(self._store.revoke_agent, agent, entry)
        self._gate.forget()
        return found

    async def entries(self, limit: int) -> Sequence[AuditEntry]:
        """The newest entries of the audit log."""
        count = min(limit or MAX_ENTRIES, MAX_ENTRIES)
        return await asyncio.to_thread(self._store.entries, count)

    def _entry(self, actor: Principal, action: str, subject: str) -> AuditEntry:
        shown = "".join(c if c.isprintable() else "?" for c in subject)
        return AuditEntry(self._clock.now_s(), actor.name, action, shown, actor.peer, "ok")


def check_agent_id(agent_id: str) -> str:
    """``agent_id`` if it is one; raises ``BadInput``."""
    if not (8 <= len(agent_id) <= 64 and agent_id.isascii() and agent_id.isalnum()):
        raise BadInput("an agent id must be 8-64 letters and digits")
    return agent_id
