"""Experiment 9: callers that must not come in, against a coordinator with TLS."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc

from agent.credentials import signing_request
from benchmarks.fault_lab import Counts, Lab, free_port, wait_for
from benchmarks.fault_results import SHORT, Folder, Result, Size
from coordinator.local_access import LocalAccess
from coordinator.security.authority import Authority, create_authority
from coordinator.security.certificates import key_pem, new_key
from coordinator.security.records import AuditEntry, Role
from coordinator.security.secrets import digest_of
from coordinator.store import open_store
from help_core import __version__
from help_core.errors import MeasurementFailed
from help_proto.v1 import agent_service_pb2 as agent_pb
from help_proto.v1 import fleet_service_pb2 as fleet_pb
from help_proto.v1.agent_service_pb2_grpc import AgentServiceStub
from help_proto.v1.fleet_service_pb2_grpc import FleetServiceStub

Code = grpc.StatusCode
HANDSHAKE, STRANGER, NOT_ALLOWED = Code.UNAVAILABLE, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class _Gates:
    """A coordinator with TLS, and what it takes to forge credentials for it."""

    folder: Path
    url: str
    port: int
    authority: Authority
    foreign: Authority

    def token(self, role: Role, lifetime_s: float = DAY_S, *, revoked: bool = False) -> str:
        with LocalAccess(self.url, self.folder / "tls") as access:
            made = access.create_token(role, "faults", lifetime_s)
            if revoked:
                access.revoke_token(made.token.id)
        return made.secret

    def user(self, secret: str = "") -> grpc.Channel:
        credentials = grpc.ssl_channel_credentials(self.authority.ca_pem)
        if secret:
            call = grpc.access_token_call_credentials(secret)
            credentials = grpc.composite_channel_credentials(credentials, call)
        return grpc.secure_channel(f"127.0.0.1:{self.port}", credentials)

    def agent(self, key: bytes | None, certificate: bytes | None) -> grpc.Channel:
        credentials = grpc.ssl_channel_credentials(self.authority.ca_pem, key, certificate)
        return grpc.secure_channel(f"127.0.0.1:{self.port + 1}", credentials)

    def enrolled(
        self,
        agent: str,
        *,
        foreign: bool = False,
        days: float = 90.0,
        listed: bool = True,
        revoked: bool = False,
    ) -> grpc.Channel:
        """A channel with a certificate of that kind."""
        key, issuer = key_pem(new_key()), self.foreign if foreign else self.authority
        issued = issuer.sign_agent(signing_request(key), agent, time.time(), timedelta(days=days))
        with closing(open_store(self.url)) as store:
            entry = AuditEntry(time.time(), "faults", "enrol", agent, "faults", "ok")
            if listed:
                secret = self.token(Role.AGENT_ENROL)
                store.access.enrol(digest_of(secret), issued, entry)
        if revoked:
            with LocalAccess(self.url, self.folder / "tls") as access:
                access.revoke_agent(agent)
        return self.agent(key, issued.pem)


Attempt = Callable[[_Gates], Code]


def _as_agent(channel: grpc.Channel, agent: str) -> Code:
    offer = agent_pb.DeviceOffer(name=f"d-{agent[:8]}")
    offer.settings.threads = offer.settings.batch_size = 1
    offer.settings.precision = "fp32"
    request = agent_pb.RegisterRequest(agent_id=agent, agent_version=__version__, devices=[offer])
    return _status(channel, lambda: AgentServiceStub(channel).Register(request, timeout=10))


def _as_user(channel: grpc.Channel) -> Code:
    request = fleet_pb.ListDevicesRequest()
    return _status(channel, lambda: FleetServiceStub(channel).ListDevices(request, timeout=10))


def _as_admin(channel: grpc.Channel) -> Code:
    from help_proto.v1 import access_service_pb2 as pb
    from help_proto.v1.access_service_pb2_grpc import AccessServiceStub

    request = pb.ListAuditRequest()
    return _status(channel, lambda: AccessServiceStub(channel).ListAudit(request, timeout=10))


def _status(channel: grpc.Channel, call: Callable[[], object]) -> Code:
    """The status of a call; it is made again when strangers have asked too often."""
    with channel:
        while True:
            try:
                call()
            except grpc.RpcError as error:
                code: Code = error.code()
                if code is not Code.RESOURCE_EXHAUSTED:
                    return code
                time.sleep(0.5)
            else:
                return Code.OK


def _agent(**kind: bool | float) -> Attempt:
    def attempt(gates: _Gates) -> Code:
        agent = uuid.uuid4().hex
        return _as_agent(gates.enrolled(agent, **kind), agent)  # type: ignore[arg-type]

    return attempt


def _expired(gates: _Gates) -> Code:
    secret = gates.token(Role.USER, 1.0)
    time.sleep(1.1)
    return _as_user(gates.user(secret))


CASES: dict[str, tuple[Attempt, Code]] = {
    "good certificate": (_agent(), Code.OK),
    "no certificate": (lambda g: _as_agent(g.agent(None, None), uuid.uuid4().hex), HANDSHAKE),
    "foreign authority": (_agent(foreign=True), HANDSHAKE),
    "expired certificate": (_agent(days=-0.01), HANDSHAKE),
    "unlisted certificate": (_agent(listed=False), STRANGER),
    "revoked certificate": (_agent(revoked=True), STRANGER),
    "another's agent id": (
        lambda g: _as_agent(g.enrolled(uuid.uuid4().hex), uuid.uuid4().hex),
        NOT_ALLOWED,
    ),
    "good token": (lambda g: _as_user(g.user(g.token(Role.USER))), Code.OK),
    "no token": (lambda g: _as_user(g.user()), STRANGER),
    "wrong token": (lambda g: _as_user(g.user("hfu_" + uuid.uuid4().hex)), STRANGER),
    "revoked token": (lambda g: _as_user(g.user(g.token(Role.USER, revoked=True))), STRANGER),
    "expired token": (_expired, STRANGER),
    "wrong role": (lambda g: _as_admin(g.user(g.token(Role.USER))), NOT_ALLOWED),
    "token of an enrolment": (
        lambda g: _as_user(g.user(g.token(Role.AGENT_ENROL))),
        NOT_ALLOWED,
    ),
}


def refused(folder: Folder, size: Size) -> Result:
    """9. Strangers, forged, ended and revoked credentials, and credentials of another role."""
    attempts = 2 if size is SHORT else 20
    found: Counter[tuple[str, Code]] = Counter()
    with _gates(folder) as gates:
        for name, (attempt, _) in CASES.items():
            for _ in range(attempts):
                found[name, attempt(gates)] += 1
    wrong = {
        f"{name}: {code.name}": count
        for (name, code), count in found.items()
        if code is not CASES[name][1]
    }
    if wrong:
        raise MeasurementFailed(f"answered with another status: {wrong}")
    bad = [name for name, (_, code) in CASES.items() if code is not Code.OK]
    remark = (
        f"{attempts} attempts each of {', '.join(bad)}: all refused with the right status;"
        f" {(len(CASES) - len(bad)) * attempts} with good credentials let in"
    )
    return Result("refusals", _counts(attempts, len(bad)), remark)


def _counts(attempts: int, bad: int) -> Counts:
    return Counts(
        sent=attempts * bad,
        acknowledged=0,
        stored=0,
        stale=0,
        lost=0,
        duplicate=0,
        merged_stale=0,
        unfinished=0,
        expired=0,
    )


@contextmanager
def _gates(folder: Path) -> Iterator[_Gates]:
    port, url = free_port(), str(folder / "c.db")
    authority = create_authority(folder / "tls", ["127.0.0.1"], time.time())
    foreign = create_authority(folder / "foreign", ["127.0.0.1"], time.time())
    with Lab(folder, url, lease_s=20.0) as lab:
        lab.coordinator(port, "coordinator.main", "--tls-dir", str(folder / "tls"))
        log = folder / f"coordinator-{port}.log"
        wait_for(lambda: "listens on" in log.read_text(), 60, "the coordinator's start")
        yield _Gates(folder, url, port, authority, foreign)
