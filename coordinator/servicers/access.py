"""``EnrolmentService`` and ``AccessService``."""

from __future__ import annotations

from typing import Any

import grpc

from coordinator.security.convert import to_agent, to_entry, to_token
from coordinator.security.gate import Gate, peer_host
from coordinator.security.records import Role
from coordinator.servicers.errors import errors_to_status
from coordinator.usecases.access import Access
from help_core.errors import Conflict
from help_proto.convert import enum_value, text
from help_proto.v1 import access_service_pb2 as pb
from help_proto.v1 import access_service_pb2_grpc as rpc

Context = grpc.aio.ServicerContext[Any, Any]


class EnrolmentServicer(rpc.EnrolmentServiceServicer):
    """See ``access_service.proto``."""

    def __init__(self, access: Access, gate: Gate, agents_port: int) -> None:
        self._access = access
        self._gate = gate
        self._agents_port = agents_port

    async def GetAuthority(
        self, request: pb.GetAuthorityRequest, context: Context
    ) -> pb.GetAuthorityResponse:
        """See the proto."""
        async with errors_to_status(context):
            authority = self._access.authority
            return pb.GetAuthorityResponse(
                ca_pem=authority.ca_pem,
                trusted_pem=authority.trusted_pem,
                agents_port=self._agents_port,
            )

    async def Enrol(self, request: pb.EnrolRequest, context: Context) -> pb.EnrolResponse:
        """See the proto."""
        async with errors_to_status(context):
            pem = await self._access.enrol(
                request.token, request.agent_id, request.csr_pem, peer_host(context.peer())
            )
            trusted_pem = self._access.authority.trusted_pem
        return pb.EnrolResponse(
            certificate_pem=pem, agents_port=self._agents_port, trusted_pem=trusted_pem
        )

    async def Renew(self, request: pb.RenewRequest, context: Context) -> pb.RenewResponse:
        """See the proto."""
        async with errors_to_status(context):
            actor = await self._gate.identify(context)
            if not actor.agent_id:
                raise Conflict("only an agent that shows its certificate can renew it")
            renewed = await self._access.renew(request.csr_pem, actor)
            trusted_pem = self._access.authority.trusted_pem
        return pb.RenewResponse(certificate_pem=renewed.pem, trusted_pem=trusted_pem)


class AccessServicer(rpc.AccessServiceServicer):
    """See ``access_service.proto``."""

    def __init__(self, access: Access, gate: Gate) -> None:
        self._access = access
        self._gate = gate

    async def CreateToken(
        self, request: pb.CreateTokenRequest, context: Context
    ) -> pb.CreateTokenResponse:
        """See the proto."""
        async with errors_to_status(context):
            role = enum_value("ROLE", pb.Role, Role, request.role)
            actor = await self._gate.identify(context)
            asked = (role, request.label, request.lifetime_s)
            secret, pem = "", b""
            if request.csr_pem:
                pem, token = await self._access.create_certificate(*asked, request.csr_pem, actor)
            else:
                secret, token = await self._access.create_token(*asked, actor)
        return pb.CreateTokenResponse(
            secret=secret,
            token=to_token(token),
            ca_fingerprint=self._access.fingerprint,
            certificate_pem=pem,
        )

    async def ListTokens(
        self, request: pb.ListTokensRequest, context: Context
    ) -> pb.ListTokensResponse:
        """See the proto."""
        async with errors_to_status(context):
            tokens = await self._access.tokens()
        return pb.ListTokensResponse(tokens=[to_token(token) for token in tokens])

    async def RevokeToken(
        self, request: pb.RevokeTokenRequest, context: Context
    ) -> pb.RevokeTokenResponse:
        """See the proto."""
        async with errors_to_status(context):
            actor = await self._gate.identify(context)
            await self._access.revoke_token(text("token id", request.id, 64), actor)
        return pb.RevokeTokenResponse()

    async def ListAgents(
        self, request: pb.ListAgentsRequest, context: Context
    ) -> pb.ListAgentsResponse:
        """See the proto."""
        async with errors_to_status(context):
            agents = await self._access.agents()
        return pb.ListAgentsResponse(agents=[to_agent(agent) for agent in agents])

    async def RevokeAgent(
        self, request: pb.RevokeAgentRequest, context: Context
    ) -> pb.RevokeAgentResponse:
        """See the proto."""
        async with errors_to_status(context):
            actor = await self._gate.identify(context)
            agent_id, count = await self._access.revoke_agent(
                text("agent", request.agent, 64), actor
            )
        return pb.RevokeAgentResponse(agent_id=agent_id, certificates=count)

    async def ListAudit(
        self, request: pb.ListAuditRequest, context: Context
    ) -> pb.ListAuditResponse:
        """See the proto."""
        async with errors_to_status(context):
            entries = await self._access.entries(request.limit)
        return pb.ListAuditResponse(entries=[to_entry(entry) for entry in entries])
