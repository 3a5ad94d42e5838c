"""An admin's work on the store itself, for whoever can read it: where the first token is from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from coordinator.access_client import NewToken
from coordinator.clock import AnchoredClock
from coordinator.security.authority import open_authority
from coordinator.security.gate import OpenGate, Principal
from coordinator.security.records import AuditEntry, EnrolledAgent, Role, Token
from coordinator.store import open_store
from coordinator.usecases.access import Access
from help_core.errors import NotFound

ACTOR = Principal("local", "store", Role.ADMIN)


class LocalAccess:
    """The same as ``AccessClient``, without a coordinator in between."""

    def __init__(self, store_url: str, tls_dir: Path) -> None:
        try:
            authority = open_authority(tls_dir)
        except NotFound:
            authority = None
        self._store = open_store(store_url)
        self._access = Access(self._store.access, AnchoredClock(), OpenGate(), authority)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.close()

    def create_token(self, role: Role, label: str, lifetime_s: float) -> NewToken:
        """Makes a token."""
        secret, token = asyncio.run(self._access.create_token(role, label, lifetime_s, ACTOR))
        return NewToken(secret, token, self._access.fingerprint)

    def create_certificate(
        self, role: Role, label: str, lifetime_s: float, csr_pem: bytes
    ) -> tuple[bytes, NewToken]:
        """Makes a client certificate, in PEM, for the key of a signing request."""
        pem, token = asyncio.run(
            self._access.create_certificate(role, label, lifetime_s, csr_pem, ACTOR)
        )
        return pem, NewToken("", token, self._access.fingerprint)

    def tokens(self) -> list[Token]:
        """All tokens, newest first."""
        return asyncio.run(self._access.tokens())

    def revoke_token(self, token_id: str) -> None:
        """Ends a token."""
        asyncio.run(self._access.revoke_token(token_id, ACTOR))

    def agents(self) -> list[EnrolledAgent]:
        """Every agent that was ever enrolled."""
        return asyncio.run(self._access.agents())

    def revoke_agent(self, agent: str) -> tuple[str, int]:
        """Ends an agent's certificates; returns its id and how many they were."""
        return asyncio.run(self._access.revoke_agent(agent, ACTOR))

    def audit(self, limit: int) -> Sequence[AuditEntry]:
        """The newest entries of the audit log."""
        return asyncio.run(self._access.entries(limit))
