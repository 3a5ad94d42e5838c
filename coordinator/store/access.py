"""``AccessStore`` on the same database as the rest."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import sqlalchemy as sa

from coordinator.security.records import AuditEntry, EnrolledAgent, IssuedCertificate, Token
from coordinator.store.queries import access as queries


class Transaction(Protocol):
    """Opens a transaction; ``write`` says which kind."""

    def __call__(self, *, write: bool) -> AbstractContextManager[sa.Connection]:
        """A context that commits at its end."""


class SqlAccessStore:
    """Implements ``AccessStore``; see there."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add_token(self, token: Token, digest: str, entry: AuditEntry) -> None:
        with self._transaction(write=True) as connection:
            queries.add_token(connection, token, digest, entry)

    def token(self, digest: str) -> Token | None:
        with self._transaction(write=False) as connection:
            return queries.find_token(connection, digest)

    def tokens(self) -> list[Token]:
        with self._transaction(write=False) as connection:
            return queries.all_tokens(connection)

    def touch_token(self, token_id: str, now_unix_s: float) -> None:
        with self._transaction(write=True) as connection:
            queries.touch_token(connection, token_id, now_unix_s)

    def revoke_token(self, token_id: str, entry: AuditEntry) -> None:
        with self._transaction(write=True) as connection:
            queries.revoke_token(connection, token_id, entry)

    def enrol(
        self, digest: str, certificate: IssuedCertificate, entry: AuditEntry
    ) -> IssuedCertificate:
        with self._transaction(write=True) as connection:
            return queries.enrol(connection, digest, certificate, entry)

    def add_certificate(self, certificate: IssuedCertificate, entry: AuditEntry) -> None:
        with self._transaction(write=True) as connection:
            queries.add_certificate(connection, certificate, entry)

    def certificate(self, serial: str) -> IssuedCertificate | None:
        with self._transaction(write=False) as connection:
            return queries.find_certificate(connection, serial)

    def agents(self) -> list[EnrolledAgent]:
        with self._transaction(write=False) as connection:
            return queries.agents(connection)

    def revoke_agent(self, agent: str, entry: AuditEntry) -> tuple[str, int]:
        with self._transaction(write=True) as connection:
            return queries.revoke_agent(connection, agent, entry)

    def add_entry(self, entry: AuditEntry) -> None:
        with self._transaction(write=True) as connection:
            queries.add_entry(connection, entry)

    def entries(self, limit: int) -> list[AuditEntry]:
        with self._transaction(write=False) as connection:
            return queries.entries(connection, limit)

    def prune_entries(self, before_unix_s: float, entry: AuditEntry) -> int:
        with self._transaction(write=True) as connection:
            return queries.prune_entries(connection, before_unix_s, entry)
