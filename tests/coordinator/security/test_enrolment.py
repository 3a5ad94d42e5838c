"""A one-time token becomes a certificate, once; certificates are renewed and replaced."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from agent.credentials import CredentialFiles, Credentials
from agent.enrolment import Renewal, enrol, renew
from agent.link import Link
from coordinator.security.certificates import key_of_request
from coordinator.security.records import AuditEntry, Role
from help_core.errors import BadInput, Conflict, StoreError, Unauthenticated
from help_core.records import Board, Device, Settings
from help_proto.trust import fetch_authority
from tests.coordinator.security.secure import Secure
from tests.e2e.processes import free_port, wait_for


def enrolled(secure: Secure, folder: Path, agent_id: str, token: str = "") -> Credentials:
    return enrol(
        CredentialFiles(folder),
        secure.bound.users,
        secure.authority.ca_pem,
        token or secure.token(Role.AGENT_ENROL),
        agent_id,
    )


def agent_id() -> str:
    return uuid.uuid4().hex


def register(link: Link, name: str) -> None:
    link.register([Device(name, Board("replay"), Settings())])


def test_an_enrolled_agent_connects(secure: Secure, tmp_path: Path) -> None:
    own = agent_id()
    held = enrolled(secure, tmp_path, own)
    assert held.coordinator == secure.bound.agents
    assert CredentialFiles(tmp_path).load() == held
    held.check(own, time.time())
    link = Link(held.coordinator, own, held.channel())
    register(link, "enrolled")
    link.close()


def test_a_token_admits_one_agent(secure: Secure, tmp_path: Path) -> None:
    token = secure.token(Role.AGENT_ENROL)
    enrolled(secure, tmp_path / "a", agent_id(), token)
    with pytest.raises(Unauthenticated, match="used already"):
        enrolled(secure, tmp_path / "b", agent_id(), token)
    assert CredentialFiles(tmp_path / "b").load() is None


def test_a_lost_answer_is_asked_for_again(secure: Secure, tmp_path: Path) -> None:
    own, token, files = agent_id(), secure.token(Role.AGENT_ENROL), CredentialFiles(tmp_path)
    key = files.pending_key()
    first = enrolled(secure, tmp_path, own, token)
    # As if the first answer had never arrived: the key is still pending, nothing is kept.
    (tmp_path / "tls" / "pending.key").write_bytes(key)
    (tmp_path / "tls" / "pending.key").chmod(0o600)
    second = enrolled(secure, tmp_path, own, token)
    assert second.certificate_pem == first.certificate_pem


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
def test_a_person_s_token_enrols_nobody(secure: Secure, tmp_path: Path, role: Role) -> None:
    with pytest.raises(Unauthenticated, match="no enrolment token"):
        enrolled(secure, tmp_path, agent_id(), secure.token(role))


def test_the_id_of_a_living_agent_is_not_given_away(secure: Secure, tmp_path: Path) -> None:
    own = agent_id()
    enrolled(secure, tmp_path / "a", own)
    with pytest.raises(Conflict, match="revoke it first"):
        enrolled(secure, tmp_path / "thief", own)
    secure.store.access.revoke_agent(own, _entry())
    enrolled(secure, tmp_path / "again", own)


def _entry() -> AuditEntry:
    return AuditEntry(time.time(), "test", "revoke-agent", "", "test", "ok")


def test_renewal_gives_a_new_key_and_keeps_the_identity(secure: Secure, tmp_path: Path) -> None:
    own = agent_id()
    held = enrolled(secure, tmp_path, own)
    renewed = renew(CredentialFiles(tmp_path), held, held.coordinator, own)
    assert renewed.key_pem != held.key_pem
    assert CredentialFiles(tmp_path).load() == renewed
    for one in (held, renewed):
        link = Link(one.coordinator, own, one.channel())
        register(link, "renewed")
        link.close()


def test_a_running_agent_renews_when_due_and_goes_on(secure: Secure, tmp_path: Path) -> None:
    own, stop = agent_id(), threading.Event()
    held = enrolled(secure, tmp_path, own)
    link = Link(held.coordinator, own, held.channel())
    register(link, "long-lived")
    day_80 = time.time() + 80 * 86_400
    assert held.due(day_80)
    assert not held.due(time.time())
    renewal = Renewal(CredentialFiles(tmp_path), held, link, stop, lambda: day_80, every_s=60)
    renewal.start()
    _wait_until(lambda: CredentialFiles(tmp_path).load() not in (held, None))
    stop.set()
    renewal.join(10)
    register(link, "long-lived")
    link.close()


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_revoked_agent_renews_nothing(secure: Secure, tmp_path: Path) -> None:
    own = agent_id()
    held = enrolled(secure, tmp_path, own)
    secure.store.access.revoke_agent(own, _entry())
    with pytest.raises(Unauthenticated):
        renew(CredentialFiles(tmp_path), held, held.coordinator, own)


def test_the_fingerprint_picks_the_authority(secure: Secure) -> None:
    spelled = "SHA256:" + secure.authority.fingerprint.upper()
    assert fetch_authority(secure.bound.users, spelled) == secure.authority.ca_pem
    with pytest.raises(Unauthenticated, match="another fingerprint"):
        fetch_authority(secure.bound.users, "0" * 64)
    with pytest.raises(BadInput, match="64 hexadecimal"):
        fetch_authority(secure.bound.users, "abc")


def test_a_request_must_prove_a_key_of_the_right_kind() -> None:
    def request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    assert key_of_request(request(ec.generate_private_key(ec.SECP256R1())))
    for bad in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(BadInput, match="P-256"):
            key_of_request(request(bad))
    for junk in (b"", b"x", b"\xff" * 100, b"x" * 5000):
        with pytest.raises(BadInput):
            key_of_request(junk)


@pytest.mark.parametrize("name", ["identity.pem", "ca.pem", "coordinator"])
def test_damaged_files_are_an_error_of_ours(secure: Secure, tmp_path: Path, name: str) -> None:
    own = agent_id()
    enrolled(secure, tmp_path, own)
    path = tmp_path / "tls" / name
    content = path.read_bytes()
    # The last certificate of the file, or the second address, is lost.
    path.write_bytes(content[: content.rindex(b"\n", 0, -30)] if len(content) > 99 else b"x")

    def use() -> None:
        held = CredentialFiles(tmp_path).load()
        assert held is not None
        held.check(own, time.time())

    with pytest.raises(StoreError):
        use()


def test_certificates_that_no_coordinator_would_take_are_found_out_at_home(
    secure: Secure, tmp_path: Path
) -> None:
    own = agent_id()
    held = enrolled(secure, tmp_path, own)
    with pytest.raises(Unauthenticated, match="ended on"):
        held.check(own, time.time() + 100 * 86_400)
    with pytest.raises(Unauthenticated, match="not of"):
        held.check(agent_id(), time.time())
    from coordinator.security.authority import create_authority

    foreign = create_authority(tmp_path / "foreign", ["x"], time.time())
    with pytest.raises(Unauthenticated, match="authority"):
        replace(held, ca_pem=foreign.ca_pem).check(own, time.time())


def test_a_key_that_others_can_read_is_refused(secure: Secure, tmp_path: Path) -> None:
    enrolled(secure, tmp_path, agent_id())
    path = tmp_path / "tls" / "identity.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(BadInput, match="chmod 600"):
        CredentialFiles(tmp_path).load()


def test_a_certificate_that_ended_while_the_agent_ran_is_said_in_one_clear_line(
    secure: Secure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = agent_id()
    held = enrolled(secure, tmp_path, own)
    nobody = Link(f"127.0.0.1:{free_port()}", own, held.channel())
    stop = threading.Event()
    files = CredentialFiles(tmp_path)
    renewal = Renewal(files, held, nobody, stop, lambda: time.time() + 91 * 86_400.0)
    with caplog.at_level("WARNING"):
        renewal.start()
        wait_for(lambda: bool(caplog.records))
        stop.set()
        renewal.join(15)
    nobody.close()
    (record,) = caplog.records
    assert "certificate ended on" in record.getMessage()
    assert "enrol again with a new token" in record.getMessage()
    assert "stays in the spool" in record.getMessage()
