"""An admin's calls: tokens, agents, the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.client import Client
from coordinator.security.convert import from_agent, from_entry, from_token, to_role
from coordinator.security.records import AuditEntry, EnrolledAgent, Role, Token
from help_core.errors import Conflict
from help_proto.channel import UNARY_DEADLINE_S
from help_proto.v1 import access_service_pb2 as pb
from help_proto.v1 import access_service_pb2_grpc as rpc


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with its secret, which is shown this once; a certificate has none."""

    secret: str
    token: Token
    ca_fingerprint: str


class AccessClient:
    """``AccessService`` over a client's channel."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = rpc.AccessServiceStub(client.channel)

    def create_token(self, role: Role, label: str, lifetime_s: float) -> NewToken:
        """Makes a token."""
        request = pb.CreateTokenRequest(role=to_role(role), label=label, lifetime_s=lifetime_s)
        with self._client.errors():
            made = self._stub.CreateToken(request, timeout=UNARY_DEADLINE_S)
        return NewToken(made.secret, from_token(made.token), made.ca_fingerprint)

    def create_certificate(
        self, role: Role, label: str, lifetime_s: float, csr_pem: bytes
    ) -> tuple[bytes, NewToken]:
        """Makes a client certificate, in PEM, for the key of a signing request."""
        request = pb.CreateTokenRequest(
            role=to_role(role), label=label, lifetime_s=lifetime_s, csr_pem=csr_pem
        )
        with self._client.errors():
            made = self._stub.CreateToken(request, timeout=UNARY_DEADLINE_S)
        if not made.certificate_pem:
            raise Conflict("this coordinator gives users no certificates; upgrade it")
        return made.certificate_pem, NewToken("", from_token(made.token), made.ca_fingerprint)

    def tokens(self) -> list[Token]:
        """All tokens, newest first."""
        with self._client.errors():
            found = self._stub.ListTokens(pb.ListTokensRequest(), timeout=UNARY_DEADLINE_S)
        return [from_token(token) for token in found.tokens]

    def revoke_token(self, token_id: str) -> None:
        """Ends a token."""
        with self._client.errors():
            self._stub.RevokeToken(pb.RevokeTokenRequest(id=token_id), timeout=UNARY_DEADLINE_S)

    def agents(self) -> list[EnrolledAgent]:
        """Every agent that was ever enrolled."""
        with self._client.errors():
            found = self._stub.ListAgents(pb.ListAgentsRequest(), timeout=UNARY_DEADLINE_S)
        return [from_agent(agent) for agent in found.agents]

    def revoke_agent(self, agent: str) -> tuple[str, int]:
        """Ends an agent's certificates; returns its id and how many they were."""
        with self._client.errors():
            done = self._stub.RevokeAgent(
                pb.RevokeAgentRequest(agent=agent), timeout=UNARY_DEADLINE_S
            )
        return done.agent_id, done.certificates

    def audit(self, limit: int) -> Sequence[AuditEntry]:
        """The newest entries of the audit log."""
        with self._client.errors():
            found = self._stub.ListAudit(pb.ListAuditRequest(limit=limit), timeout=UNARY_DEADLINE_S)
        return [from_entry(entry) for entry in found.entries]
