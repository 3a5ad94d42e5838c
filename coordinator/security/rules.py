"""Who may call which method. A method that is not named here may be called by nobody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Who(StrEnum):
    """Whom a method is for."""

    ANYBODY = "anybody"
    AGENT = "agent"
    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Rule:
    """Whom a method is for, and whether the audit log names each call of it."""

    who: Who
    audited: bool = False


_AGENTS = "/help_proto.v1.AgentService/"
_FLEET = "/help_proto.v1.FleetService/"
_MODELS = "/help_proto.v1.ModelService/"
_ENROLMENT = "/help_proto.v1.EnrolmentService/"
_ACCESS = "/help_proto.v1.AccessService/"
_HEALTH = "/grpc.health.v1.Health/"

# What changes tokens or certificates writes its own entry, together with the change.
RULES: dict[str, Rule] = {
    _AGENTS + "Register": Rule(Who.AGENT),
    _AGENTS + "LeaseJobs": Rule(Who.AGENT),
    _AGENTS + "Heartbeat": Rule(Who.AGENT),
    _AGENTS + "ReleaseJobs": Rule(Who.AGENT),
    _AGENTS + "DeliverReports": Rule(Who.AGENT),
    _FLEET + "ListDevices": Rule(Who.USER),
    _FLEET + "ListJobs": Rule(Who.USER),
    _FLEET + "Collect": Rule(Who.USER, audited=True),
    _FLEET + "Adapt": Rule(Who.USER, audited=True),
    _FLEET + "Predict": Rule(Who.USER),
    _FLEET + "GetAnswer": Rule(Who.USER),
    _FLEET + "GetEmbedding": Rule(Who.USER),
    _FLEET + "GetCalibration": Rule(Who.USER),
    _FLEET + "ImportTable": Rule(Who.USER, audited=True),
    _FLEET + "ImportAccuracy": Rule(Who.USER, audited=True),
    _FLEET + "ExportTable": Rule(Who.USER),
    _FLEET + "ListCollections": Rule(Who.USER),
    _FLEET + "CancelJobs": Rule(Who.USER, audited=True),
    _FLEET + "LabelDevice": Rule(Who.USER, audited=True),
    _FLEET + "EndQuarantine": Rule(Who.USER, audited=True),
    _MODELS + "OfferModel": Rule(Who.USER, audited=True),
    _MODELS + "UploadModel": Rule(Who.USER, audited=True),
    _MODELS + "ListModels": Rule(Who.USER),
    _MODELS + "RemoveModel": Rule(Who.USER, audited=True),
    _MODELS + "FetchModel": Rule(Who.AGENT),
    _ENROLMENT + "GetAuthority": Rule(Who.ANYBODY),
    _ENROLMENT + "Enrol": Rule(Who.ANYBODY),
    _ENROLMENT + "Renew": Rule(Who.AGENT),
    _ACCESS + "CreateToken": Rule(Who.ADMIN),
    _ACCESS + "ListTokens": Rule(Who.ADMIN),
    _ACCESS + "RevokeToken": Rule(Who.ADMIN),
    _ACCESS + "ListAgents": Rule(Who.ADMIN),
    _ACCESS + "RevokeAgent": Rule(Who.ADMIN),
    _ACCESS + "ListAudit": Rule(Who.ADMIN),
    _HEALTH + "Check": Rule(Who.ANYBODY),
    _HEALTH + "Watch": Rule(Who.ANYBODY),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Rule(Who.USER),
}
