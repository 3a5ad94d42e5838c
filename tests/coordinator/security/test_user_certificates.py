"""A user shows a client certificate instead of a token."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from cryptography import x509

from agent.link import Link
from coordinator.access_client import AccessClient
from coordinator.client import Client
from coordinator.credentials import Login, channel_credentials
from coordinator.local_access import LocalAccess
from coordinator.security.certificates import key_pem, new_key, signing_request
from coordinator.security.records import Role, Token
from help_core.errors import BadInput, Forbidden, HelpError, Unauthenticated
from help_core.records import Board, Device, Settings
from tests.coordinator.security.secure import DAY_S, Secure


@dataclass(frozen=True)
class Holder:
    login: Login
    token: Token


def holder(secure: Secure, role: Role, lifetime_s: float = DAY_S) -> Holder:
    key = new_key()
    with LocalAccess(str(secure.folder / "s.db"), secure.folder / "tls") as access:
        pem, made = access.create_certificate(role, "alice", lifetime_s, signing_request(key))
    return Holder(login(secure, key_pem(key), pem), made.token)


def login(secure: Secure, key: bytes, certificate: bytes) -> Login:
    return Login(
        secure.authority.ca_pem.decode(),
        "",
        identity_pem=(key + certificate).decode(),
        connects_to=secure.bound.agents,
    )


def connected(given: Login) -> Client:
    return Client(given.connects_to, channel_credentials(given))


def test_the_role_is_that_of_the_certificate(secure: Secure) -> None:
    with connected(holder(secure, Role.USER).login) as user:
        user.devices()
        with pytest.raises(Forbidden, match="it is for: admin"):
            AccessClient(user).tokens()
    with connected(holder(secure, Role.ADMIN).login) as admin:
        assert AccessClient(admin).tokens()


def test_an_admin_makes_lists_and_revokes_certificates(secure: Secure) -> None:
    key = new_key()
    with connected(holder(secure, Role.ADMIN).login) as client:
        admin = AccessClient(client)
        pem, made = admin.create_certificate(Role.USER, "bob", DAY_S, signing_request(key))
        assert (made.secret, made.token.certificate) == ("", True)
        assert made.token in admin.tokens()
        with connected(login(secure, key_pem(key), pem)) as bob:
            bob.devices()
            used = next(one for one in admin.tokens() if one.id == made.token.id)
            assert used.last_used_unix_s is not None
            admin.revoke_token(made.token.id)
            with pytest.raises(Unauthenticated, match="was revoked"):
                bob.devices()
        actions = [(one.action, one.subject) for one in admin.audit(20)]
    assert ("create-certificate", f"{made.token.id} user bob") in actions
    assert ("revoke-token", made.token.id) in actions


def test_a_person_s_certificate_makes_no_agent(secure: Secure) -> None:
    for role in (Role.USER, Role.ADMIN):
        credentials = channel_credentials(holder(secure, role).login)
        link = Link(secure.bound.agents, "a" * 32, credentials)
        with pytest.raises(Forbidden, match="it is for: agent"):
            link.register([Device("d", Board("replay"), Settings())])
        link.close()


def test_an_agent_s_certificate_makes_no_user(secure: Secure) -> None:
    key, certificate = secure.admit("c" * 32)
    with connected(login(secure, key, certificate)) as client, pytest.raises(Forbidden):
        client.devices()


def test_a_certificate_that_the_store_does_not_list_is_refused(secure: Secure) -> None:
    """As if somebody had taken the authority's key, but not the store."""
    known, key = holder(secure, Role.ADMIN), new_key()
    for token_id in (known.token.id, "deadbeef"):
        _, pem = secure.authority.sign_user(signing_request(key), token_id, time.time(), DAY_S)
        with (
            connected(login(secure, key_pem(key), pem)) as client,
            pytest.raises(Unauthenticated, match="not of this coordinator"),
        ):
            client.devices()


def test_a_certificate_s_number_is_no_bearer_token(secure: Secure) -> None:
    certificate = holder(secure, Role.ADMIN).login.identity_pem.encode()
    serial = f"{_serial(certificate):x}"
    for secret in (serial, f"cert:{serial}"):
        with pytest.raises(Unauthenticated, match="unknown token"):
            _devices(secure, secret)


def _serial(pem: bytes) -> int:
    return x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERT") :]).serial_number


def _devices(secure: Secure, secret: str) -> None:
    given = Login(secure.authority.ca_pem.decode(), secret)
    with Client(secure.bound.users, channel_credentials(given)) as client:
        client.devices()


def test_a_certificate_ends_with_its_lifetime_on_open_connections_too(secure: Secure) -> None:
    given = holder(secure, Role.USER, lifetime_s=2.0).login
    with connected(given) as client:
        client.devices()
        time.sleep(2.2)
        with pytest.raises(Unauthenticated, match="has expired"):
            client.devices()
    with pytest.raises(HelpError):
        connected(given)


def test_enrolment_and_bad_requests_get_no_certificate(secure: Secure) -> None:
    with pytest.raises(BadInput, match="help-agent enroll"):
        holder(secure, Role.AGENT_ENROL)
    with (
        LocalAccess(str(secure.folder / "s.db"), secure.folder / "tls") as access,
        pytest.raises(BadInput, match="cannot be read"),
    ):
        access.create_certificate(Role.USER, "x", DAY_S, b"garbage")


def test_the_users_port_asks_for_no_certificate(secure: Secure) -> None:
    """So a user who shows one there is a stranger, and is told what is missing."""
    given = holder(secure, Role.USER).login
    with (
        Client(secure.bound.users, channel_credentials(given)) as client,
        pytest.raises(Unauthenticated, match="wants a token"),
    ):
        client.devices()


@pytest.mark.parametrize("content", ["-----BEGIN CERTIFICATE-----\nx\n", "garbage"])
def test_a_file_that_is_no_identity_is_said(content: str) -> None:
    with pytest.raises(BadInput, match="token create --certificate"):
        channel_credentials(Login("ca", "", identity_pem=content))
