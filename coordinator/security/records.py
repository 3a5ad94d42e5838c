"""Tokens, certificates, principals, audit entries, and the contract of their store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """What a token is for."""

    AGENT_ENROL = "agent-enrol"
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. Moments are seconds since 1970."""

    id: str
    role: Role
    label: str
    created_unix_s: float
    expires_unix_s: float
    last_used_unix_s: float | None = None
    revoked: bool = False
    used_by: str = ""
    """The agent that an enrolment token admitted."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A client certificate that the authority gave to an agent."""

    serial: str
    agent_id: str
    key_digest: str
    """SHA-256 of the public key: the same key asking again is the same agent asking again."""
    pem: bytes
    issued_unix_s: float
    expires_unix_s: float
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class EnrolledAgent:
    """An agent by its newest certificate."""

    agent_id: str
    serial: str
    issued_unix_s: float
    expires_unix_s: float
    revoked: bool
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, to what, from where, and how it ended."""

    at_unix_s: float
    actor: str
    action: str
    subject: str
    peer: str
    outcome: str


class AccessStore(Protocol):
    """What must outlive the process. Each method is one transaction, from any thread.

    A change and its audit entry are committed together or not at all.
    """

    def add_token(self, token: Token, digest: str, entry: AuditEntry) -> None:
        """Keeps a token under the digest of its secret."""

    def token(self, digest: str) -> Token | None:
        """The token with that digest."""

    def tokens(self) -> list[Token]:
        """All tokens, newest first."""

    def touch_token(self, token_id: str, now_unix_s: float) -> None:
        """Notes that the token was used."""

    def revoke_token(self, token_id: str, entry: AuditEntry) -> None:
        """Raises ``NotFound``; revoking twice changes nothing."""

    def enrol(
        self, digest: str, certificate: IssuedCertificate, entry: AuditEntry
    ) -> IssuedCertificate:
        """Uses up an enrolment token and keeps the certificate, at ``entry``'s moment.

        A token that admitted the same key before returns the certificate of that time.
        Raises ``Unauthenticated`` for a token that is unknown, used, expired, revoked or of
        another role, ``Conflict`` if the agent has a certificate that is still good.
        """

    def add_certificate(self, certificate: IssuedCertificate, entry: AuditEntry) -> None:
        """Keeps a renewed certificate; raises ``Unauthenticated`` if the agent was revoked."""

    def certificate(self, serial: str) -> IssuedCertificate | None:
        """The certificate of that serial number."""

    def agents(self) -> list[EnrolledAgent]:
        """Every agent that was ever enrolled, with the devices it serves."""

    def revoke_agent(self, agent: str, entry: AuditEntry) -> tuple[str, int]:
        """Revokes all certificates of an agent, named by its id or by a device of its.

        Returns its id and how many; raises ``NotFound``.
        """

    def add_entry(self, entry: AuditEntry) -> None:
        """Adds to the audit log."""

    def entries(self, limit: int) -> Sequence[AuditEntry]:
        """The newest entries of the audit log, newest first."""

    def prune_entries(self, before_unix_s: float, entry: AuditEntry) -> int:
        """Deletes audit entries made before then; how many.

        Where there are some, ``entry`` is added, with their number before its subject.
        """
