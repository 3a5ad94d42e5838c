"""The authority is replaced while the fleet goes on."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509

from agent.credentials import CredentialFiles, Credentials
from agent.enrolment import Renewal, enrol
from agent.link import Link
from coordinator.client import Client
from coordinator.credentials import Login, channel_credentials, keep_login, look_again, read_logins
from coordinator.security.authority import create_authority, open_authority
from coordinator.security.certificates import hosts_of, issuer_key, subject_key
from coordinator.security.issuers import begin_rotation, finish_rotation
from coordinator.security.records import Role
from help_core.errors import BadInput, Conflict, HelpError, Unauthenticated
from help_core.records import Board, Device, Settings
from help_proto.trust import fetch_authority
from tests.coordinator.security.secure import Secure, secure_coordinator
from tests.e2e.processes import wait_for

HOSTS = ["coord.lab", "127.0.0.1"]
WEEK_S = 7 * 86_400.0


@pytest.fixture
def rotating(tmp_path: Path) -> Iterator[Secure]:
    """A coordinator of its own, whose authority a test may replace."""
    with secure_coordinator(tmp_path / "coordinator") as running:
        yield running


def begin(secure: Secure) -> None:
    begin_rotation(secure.folder / "tls", time.time(), time.time() + WEEK_S)


def finish(secure: Secure) -> None:
    finish_rotation(secure.folder / "tls")


def enrolled(secure: Secure, folder: Path) -> tuple[str, Credentials]:
    own = uuid.uuid4().hex
    token = secure.token(Role.AGENT_ENROL)
    held = enrol(CredentialFiles(folder), secure.bound.users, secure.authority.ca_pem, token, own)
    return own, held


def linked(own: str, held: Credentials) -> Link:
    return Link(held.coordinator, own, held.channel())


def register(link: Link) -> None:
    link.register([Device(f"board-{link.agent_id[:8]}", Board("replay"), Settings())])


def look(folder: Path, held: Credentials, link: Link) -> Credentials:
    """One look of the agent's renewal; what the agent holds afterwards."""
    stop = threading.Event()
    renewal = Renewal(CredentialFiles(folder), held, link, stop, time.time, every_s=0.05)
    renewal.start()
    try:
        wait_for(lambda: CredentialFiles(folder).load() != held)
    finally:
        stop.set()
        renewal.join(10)
    found = CredentialFiles(folder).load()
    assert found is not None
    return found


def signed_by(certificate_pem: bytes, authority_pem: bytes) -> bool:
    certificate, authority = map(x509.load_pem_x509_certificate, (certificate_pem, authority_pem))
    return issuer_key(certificate) == subject_key(authority)


def test_agents_move_to_the_next_authority_and_go_on_when_it_is_in_force(
    rotating: Secure, tmp_path: Path
) -> None:
    old_pem = rotating.authority.ca_pem
    own, first = enrolled(rotating, tmp_path / "a")
    with closing(linked(own, first)) as link:
        register(link)
        begin(rotating)
        moved = look(tmp_path / "a", first, link)
        register(link)
        assert moved.ca_pem == rotating.authority.trusted_pem
        assert moved.ca_pem != old_pem
        assert not signed_by(moved.certificate_pem, old_pem)
        finish(rotating)
        assert signed_by(moved.certificate_pem, rotating.authority.ca_pem)
        register(link)
        # Its next look drops the old authority, over a handshake with the new one.
        last = look(tmp_path / "a", moved, link)
        assert last.ca_pem == rotating.authority.ca_pem != old_pem
        last.check(own, time.time())
        register(link)


def test_an_agent_that_missed_the_rotation_is_refused_on_old_and_new_connections(
    rotating: Secure, tmp_path: Path
) -> None:
    own, held = enrolled(rotating, tmp_path / "a")
    with closing(linked(own, held)) as open_before:
        register(open_before)
        begin(rotating)
        register(open_before)
        with closing(linked(own, held)) as meanwhile:
            register(meanwhile)
        finish(rotating)
        with pytest.raises(Unauthenticated, match="was replaced"):
            register(open_before)
    with closing(linked(own, held)) as afterwards, pytest.raises(HelpError):
        register(afterwards)


def test_a_server_that_trusts_the_next_still_refuses_the_dropped(
    rotating: Secure, tmp_path: Path
) -> None:
    """The agent trusts the server here, so that it is the server that decides."""
    own, held = enrolled(rotating, tmp_path / "a")
    begin(rotating)
    finish(rotating)
    trusting = Credentials(
        held.key_pem, held.certificate_pem, rotating.authority.ca_pem, "", held.coordinator
    )
    with closing(linked(own, trusting)) as link, pytest.raises(HelpError):
        register(link)


def test_a_foreign_authority_is_refused_during_and_after(rotating: Secure, tmp_path: Path) -> None:
    foreign = create_authority(tmp_path / "foreign", HOSTS, time.time())
    for step in (begin, finish):
        step(rotating)
        own = uuid.uuid4().hex
        key, certificate = rotating.admit(own, foreign)
        held = Credentials(
            key, certificate, rotating.authority.trusted_pem, "", rotating.bound.agents
        )
        with closing(linked(own, held)) as link, pytest.raises(HelpError):
            register(link)


def test_an_agent_that_enrols_meanwhile_stays(rotating: Secure, tmp_path: Path) -> None:
    begin(rotating)
    own, held = enrolled(rotating, tmp_path / "late")
    finish(rotating)
    held.check(own, time.time())
    with closing(linked(own, held)) as link:
        register(link)


def test_a_user_who_calls_meanwhile_goes_on_and_another_logs_in_again(
    rotating: Secure, tmp_path: Path
) -> None:
    logins, address = tmp_path / "logins.json", rotating.bound.users
    login = Login(rotating.authority.ca_pem.decode(), rotating.token(Role.USER))
    keep_login(logins, address, login)
    begin(rotating)
    with Client(address, channel_credentials(login)) as client:
        look_again(logins, address, client.channel, time.time())
    finish(rotating)
    with Client(address, channel_credentials(read_logins(logins)[address])) as client:
        client.devices()
    with pytest.raises(Unauthenticated, match="not trusted"):
        Client(address, channel_credentials(login))


def test_users_ask_once_a_day_whom_to_trust(rotating: Secure, tmp_path: Path) -> None:
    logins, address = tmp_path / "logins.json", rotating.bound.users
    login = Login(rotating.authority.ca_pem.decode(), rotating.token(Role.USER), 1000.0)
    keep_login(logins, address, login)
    begin(rotating)
    with Client(address, channel_credentials(login)) as client:
        look_again(logins, address, client.channel, 1000.0 + 86_399)
        assert read_logins(logins)[address] == login
        look_again(logins, address, client.channel, 1000.0 + 86_401)
    found = read_logins(logins)[address]
    assert found == Login(rotating.authority.trusted_pem.decode(), login.token, 87_401.0)


def test_a_first_contact_trusts_what_its_fingerprint_is_of_alone(rotating: Secure) -> None:
    begin(rotating)
    fetched = fetch_authority(rotating.bound.users, rotating.authority.fingerprint)
    assert fetched == rotating.authority.ca_pem
    assert len(x509.load_pem_x509_certificates(rotating.authority.trusted_pem)) == 2


def test_the_server_changes_sides_at_the_end_and_keeps_its_names(tmp_path: Path) -> None:
    now = float(int(time.time()))
    authority = create_authority(tmp_path, HOSTS, now)
    old = authority.server_pair(now)
    begin_rotation(tmp_path, now, now + WEEK_S)
    assert authority.server_pair(now) == old
    assert not authority.finish_if_due(now + WEEK_S - 1)
    assert authority.finish_if_due(now + WEEK_S)
    assert not authority.finish_if_due(now + WEEK_S)
    leaf, shown_ca = x509.load_pem_x509_certificates(authority.server_pair(now).chain_pem)
    assert leaf != x509.load_pem_x509_certificate(old.chain_pem)
    leaf.verify_directly_issued_by(shown_ca)
    assert hosts_of(leaf) == tuple(HOSTS)
    assert open_authority(tmp_path).trusted_pem == authority.ca_pem


@pytest.mark.parametrize("renamed", [1, 2])
def test_a_crash_while_it_finishes_is_completed_by_the_next_reader(
    tmp_path: Path, renamed: int
) -> None:
    now = time.time()
    create_authority(tmp_path, HOSTS, now)
    begin_rotation(tmp_path, now, now + WEEK_S)
    coming = (tmp_path / "next.pem").read_bytes()
    for name in ("key", "pem")[:renamed]:
        (tmp_path / f"next.{name}").replace(tmp_path / f"ca.{name}")
    authority = open_authority(tmp_path)
    assert authority.ca_pem == authority.trusted_pem == coming
    leaf = x509.load_pem_x509_certificate(authority.server_pair(now).chain_pem)
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(coming))
    begin_rotation(tmp_path, now, now + WEEK_S)


def test_a_crash_while_it_begins_leaves_all_as_it_was(tmp_path: Path) -> None:
    now = time.time()
    authority = create_authority(tmp_path, HOSTS, now)
    begin_rotation(tmp_path, now, now + WEEK_S)
    (tmp_path / "next.key").unlink()
    assert open_authority(tmp_path).trusted_pem == authority.ca_pem
    begin_rotation(tmp_path, now, now + WEEK_S)


def test_damage_while_it_runs_leaves_trust_as_it_was(tmp_path: Path) -> None:
    authority = create_authority(tmp_path, HOSTS, time.time())
    trusted = authority.trusted_pem
    (tmp_path / "ca.pem").write_text("garbage")
    assert authority.trusted_pem == trusted


def test_steps_out_of_turn_are_refused(tmp_path: Path) -> None:
    now = time.time()
    create_authority(tmp_path, HOSTS, now)
    with pytest.raises(Conflict, match="not being replaced"):
        finish_rotation(tmp_path)
    with pytest.raises(BadInput, match="--days"):
        begin_rotation(tmp_path, now, now)
    begin_rotation(tmp_path, now, now + 1)
    with pytest.raises(Conflict, match="being replaced already"):
        begin_rotation(tmp_path, now, now + 1)
