"""Tokens, agents and audit entries to messages and back."""

from __future__ import annotations

from coordinator.security.records import AuditEntry, EnrolledAgent, Role, Token
from help_proto.convert import enum_number, enum_value
from help_proto.v1 import access_service_pb2 as pb


def to_role(role: Role) -> pb.Role.ValueType:
    """A role to the wire."""
    return pb.Role.ValueType(enum_number("ROLE", pb.Role, role))


def to_token(token: Token) -> pb.Token:
    """A token to the wire."""
    return pb.Token(
        id=token.id,
        role=to_role(token.role),
        label=token.label,
        created_unix_s=token.created_unix_s,
        expires_unix_s=token.expires_unix_s,
        last_used_unix_s=token.last_used_unix_s,
        revoked=token.revoked,
        used_by=token.used_by,
        certificate=token.certificate,
    )


def from_token(message: pb.Token) -> Token:
    """A token from the wire."""
    return Token(
        id=message.id,
        role=enum_value("ROLE", pb.Role, Role, message.role),
        label=message.label,
        created_unix_s=message.created_unix_s,
        expires_unix_s=message.expires_unix_s,
        last_used_unix_s=message.last_used_unix_s if message.HasField("last_used_unix_s") else None,
        revoked=message.revoked,
        used_by=message.used_by,
        certificate=message.certificate,
    )


def to_agent(agent: EnrolledAgent) -> pb.EnrolledAgent:
    """An enrolled agent to the wire."""
    return pb.EnrolledAgent(
        agent_id=agent.agent_id,
        serial=agent.serial,
        issued_unix_s=agent.issued_unix_s,
        expires_unix_s=agent.expires_unix_s,
        revoked=agent.revoked,
        devices=agent.devices,
    )


def from_agent(message: pb.EnrolledAgent) -> EnrolledAgent:
    """An enrolled agent from the wire."""
    return EnrolledAgent(
        agent_id=message.agent_id,
        serial=message.serial,
        issued_unix_s=message.issued_unix_s,
        expires_unix_s=message.expires_unix_s,
        revoked=message.revoked,
        devices=tuple(message.devices),
    )


def to_entry(entry: AuditEntry) -> pb.AuditEntry:
    """An audit entry to the wire."""
    return pb.AuditEntry(
        at_unix_s=entry.at_unix_s,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        peer=entry.peer,
        outcome=entry.outcome,
    )


def from_entry(message: pb.AuditEntry) -> AuditEntry:
    """An audit entry from the wire."""
    return AuditEntry(
        message.at_unix_s,
        message.actor,
        message.action,
        message.subject,
        message.peer,
        message.outcome,
    )
