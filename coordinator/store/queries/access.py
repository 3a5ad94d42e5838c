"""Tokens, certificates and the audit log; the SQL behind ``AccessStore``."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from coordinator.security.records import (
    AuditEntry,
    EnrolledAgent,
    IssuedCertificate,
    Role,
    Token,
)
from coordinator.store.tables import audit, certificates, devices, tokens
from help_core.errors import Conflict, NotFound, Unauthenticated


def add_token(connection: sa.Connection, token: Token, digest: str, entry: AuditEntry) -> None:
    """See ``AccessStore.add_token``."""
    connection.execute(
        tokens.insert().values(
            id=token.id,
            digest=digest,
            role=token.role,
            label=token.label,
            created_unix_s=token.created_unix_s,
            expires_unix_s=token.expires_unix_s,
            last_used_unix_s=None,
            revoked=False,
            used_by="",
        )
    )
    add_entry(connection, entry)


def find_token(connection: sa.Connection, digest: str) -> Token | None:
    """See ``AccessStore.token``."""
    row = connection.execute(sa.select(tokens).where(tokens.c.digest == digest)).first()
    return None if row is None else _token(row)


def all_tokens(connection: sa.Connection) -> list[Token]:
    """See ``AccessStore.tokens``."""
    query = sa.select(tokens).order_by(tokens.c.created_unix_s.desc(), tokens.c.id)
    return [_token(row) for row in connection.execute(query)]


def touch_token(connection: sa.Connection, token_id: str, now_unix_s: float) -> None:
    """See ``AccessStore.touch_token``."""
    connection.execute(
        tokens.update().where(tokens.c.id == token_id).values(last_used_unix_s=now_unix_s)
    )


def revoke_token(connection: sa.Connection, token_id: str, entry: AuditEntry) -> None:
    """See ``AccessStore.revoke_token``."""
    found = connection.execute(
        tokens.update().where(tokens.c.id == token_id).values(revoked=True)
    ).rowcount
    if not found:
        raise NotFound(f"unknown token {token_id[:40]!r}; 'help-coord token list' shows them")
    add_entry(connection, entry)


def enrol(
    connection: sa.Connection, digest: str, certificate: IssuedCertificate, entry: AuditEntry
) -> IssuedCertificate:
    """See ``AccessStore.enrol``."""
    row = connection.execute(
        sa.select(tokens).where(tokens.c.digest == digest).with_for_update()
    ).first()
    if row is None or row.role != Role.AGENT_ENROL:
        raise Unauthenticated("this is no enrolment token of this coordinator")
    if row.used_by:
        return _same_again(connection, row.used_by, certificate)
    if row.revoked or row.expires_unix_s <= entry.at_unix_s:
        state = "revoked" if row.revoked else "expired"
        raise Unauthenticated(f"the enrolment token {row.id} has {state}; ask for another")
    if any(_good(one, entry.at_unix_s) for one in _of_agent(connection, certificate.agent_id)):
        raise Conflict(
            f"agent {certificate.agent_id} holds a certificate that is still good; if it was"
            f" lost, revoke it first: help-coord agents revoke {certificate.agent_id}"
        )
    connection.execute(
        tokens.update()
        .where(tokens.c.id == row.id)
        .values(used_by=certificate.agent_id, last_used_unix_s=entry.at_unix_s)
    )
    _insert(connection, certificate)
    add_entry(connection, entry)
    return certificate


def _same_again(
    connection: sa.Connection, used_by: str, asked: IssuedCertificate
) -> IssuedCertificate:
    for one in _of_agent(connection, used_by):
        if (
            used_by == asked.agent_id
            and one.key_digest == asked.key_digest
            and _good(one, asked.issued_unix_s)
        ):
            return one
    raise Unauthenticated("this enrolment token was used already; ask for another")


def add_certificate(
    connection: sa.Connection, certificate: IssuedCertificate, entry: AuditEntry
) -> None:
    """See ``AccessStore.add_certificate``."""
    if not any(_good(one, entry.at_unix_s) for one in _of_agent(connection, certificate.agent_id)):
        raise Unauthenticated(
            f"agent {certificate.agent_id} was revoked; enrol it again with a new token"
        )
    _insert(connection, certificate)
    add_entry(connection, entry)


def find_certificate(connection: sa.Connection, serial: str) -> IssuedCertificate | None:
    """See ``AccessStore.certificate``."""
    query = sa.select(certificates).where(certificates.c.serial == serial)
    row = connection.execute(query).first()
    return None if row is None else _certificate(row)


def agents(connection: sa.Connection) -> list[EnrolledAgent]:
    """See ``AccessStore.agents``."""
    served: defaultdict[str, list[str]] = defaultdict(list)
    for row in connection.execute(sa.select(devices.c.agent_id, devices.c.name)):
        served[row.agent_id].append(row.name)
    newest: dict[str, IssuedCertificate] = {}
    query = sa.select(certificates).order_by(certificates.c.issued_unix_s)
    for row in connection.execute(query):
        newest[row.agent_id] = _certificate(row)
    return [
        EnrolledAgent(
            agent_id=one.agent_id,
            serial=one.serial,
            issued_unix_s=one.issued_unix_s,
            expires_unix_s=one.expires_unix_s,
            revoked=one.revoked,
            devices=tuple(sorted(served[one.agent_id])),
        )
        for one in sorted(newest.values(), key=lambda one: one.agent_id)
    ]


def revoke_agent(connection: sa.Connection, agent: str, entry: AuditEntry) -> tuple[str, int]:
    """See ``AccessStore.revoke_agent``."""
    by_device = connection.execute(
        sa.select(devices.c.agent_id).where(devices.c.name == agent)
    ).scalar()
    for agent_id in filter(None, (agent, by_device)):
        count = connection.execute(
            certificates.update().where(certificates.c.agent_id == agent_id).values(revoked=True)
        ).rowcount
        if count:
            add_entry(connection, entry)
            return agent_id, count
    raise NotFound(f"no agent {agent[:80]!r} is enrolled; 'help-coord agents list' shows them")


def add_entry(connection: sa.Connection, entry: AuditEntry) -> None:
    """See ``AccessStore.add_entry``; what is too long is cut."""
    connection.execute(
        audit.insert().values(
            at_unix_s=entry.at_unix_s,
            actor=entry.actor[:128],
            action=entry.action[:64],
            subject=entry.subject[:256],
            peer=entry.peer[:64],
            outcome=entry.outcome[:256],
        )
    )


def entries(connection: sa.Connection, limit: int) -> list[AuditEntry]:
    """See ``AccessStore.entries``."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    return [
        AuditEntry(row.at_unix_s, row.actor, row.action, row.subject, row.peer, row.outcome)
        for row in connection.execute(query)
    ]


def prune_entries(connection: sa.Connection, before_unix_s: float, entry: AuditEntry) -> int:
    """See ``AccessStore.prune_entries``."""
    count = connection.execute(audit.delete().where(audit.c.at_unix_s < before_unix_s)).rowcount
    if count:
        add_entry(connection, replace(entry, subject=f"{count} {entry.subject}"))
    return count


def _of_agent(connection: sa.Connection, agent_id: str) -> list[IssuedCertificate]:
    query = sa.select(certificates).where(certificates.c.agent_id == agent_id)
    return [_certificate(row) for row in connection.execute(query)]


def _good(certificate: IssuedCertificate, now_unix_s: float) -> bool:
    return not certificate.revoked and certificate.expires_unix_s > now_unix_s


def _insert(connection: sa.Connection, certificate: IssuedCertificate) -> None:
    connection.execute(
        certificates.insert().values(
            serial=certificate.serial,
            agent_id=certificate.agent_id,
            key_digest=certificate.key_digest,
            pem=certificate.pem.decode("ascii"),
            issued_unix_s=certificate.issued_unix_s,
            expires_unix_s=certificate.expires_unix_s,
            revoked=False,
        )
    )


def _certificate(row: Any) -> IssuedCertificate:
    return IssuedCertificate(
        serial=row.serial,
        agent_id=row.agent_id,
        key_digest=row.key_digest,
        pem=row.pem.encode("ascii"),
        issued_unix_s=row.issued_unix_s,
        expires_unix_s=row.expires_unix_s,
        revoked=row.revoked,
    )


def _token(row: Any) -> Token:
    return Token(
        id=row.id,
        role=Role(row.role),
        label=row.label,
        created_unix_s=row.created_unix_s,
        expires_unix_s=row.expires_unix_s,
        last_used_unix_s=row.last_used_unix_s,
        revoked=row.revoked,
        used_by=row.used_by,
    )
