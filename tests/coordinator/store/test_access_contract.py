"""The contract of ``AccessStore``; every store is held to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coordinator.housekeeping import DAY_S, AuditPruning
from coordinator.security.records import AccessStore, AuditEntry, IssuedCertificate, Role, Token
from coordinator.store import open_store
from help_core.errors import Conflict, NotFound, Unauthenticated
from help_core.records import Board, Device, Settings

AGENT = "a" * 32
ENTRY = AuditEntry(100.0, "test", "act", "subject", "127.0.0.1", "ok")
TOKEN = Token("t1", Role.AGENT_ENROL, "pi", 0.0, 1000.0)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccessStore]:
    if request.param == "postgresql":
        with request.getfixturevalue("postgres").database() as url:
            opened = open_store(url)
            yield opened.access
            opened.close()
        return
    opened = open_store(":memory:" if request.param == "memory" else str(tmp_path / "s.db"))
    opened.register(AGENT, "0.1.0", [Device("pi", Board("arm"), Settings())], 0.0)
    yield opened.access
    opened.close()


def certificate(number: int = 1, agent: str = AGENT, key: str = "k") -> IssuedCertificate:
    return IssuedCertificate(f"{number:040x}", agent, key, b"PEM", 0.0, 10_000.0)


def test_a_token_is_found_by_the_digest_of_its_secret_alone(store: AccessStore) -> None:
    store.add_token(TOKEN, "digest", ENTRY)
    assert store.token("digest") == TOKEN
    assert store.token("another") is None
    assert store.tokens() == [TOKEN]
    assert store.entries(10) == [ENTRY]


def test_use_and_revocation_of_a_token_are_kept(store: AccessStore) -> None:
    store.add_token(TOKEN, "digest", ENTRY)
    store.touch_token("t1", 5.0)
    store.revoke_token("t1", ENTRY)
    store.revoke_token("t1", ENTRY)
    assert store.token("digest") == replace(TOKEN, last_used_unix_s=5.0, revoked=True)
    with pytest.raises(NotFound):
        store.revoke_token("t2", ENTRY)


def test_a_token_enrols_one_key_and_answers_it_the_same_again(store: AccessStore) -> None:
    store.add_token(TOKEN, "digest", ENTRY)
    first = store.enrol("digest", certificate(1), ENTRY)
    assert store.enrol("digest", certificate(2), ENTRY) == first == certificate(1)
    with pytest.raises(Unauthenticated):
        store.enrol("digest", certificate(3, agent="b" * 32, key="other"), ENTRY)
    assert store.certificate(first.serial) == first


def test_an_agent_with_a_good_certificate_is_not_given_to_another_key(store: AccessStore) -> None:
    store.add_token(TOKEN, "digest", ENTRY)
    store.add_token(replace(TOKEN, id="t2"), "other", ENTRY)
    store.enrol("digest", certificate(1), ENTRY)
    with pytest.raises(Conflict):
        store.enrol("other", certificate(2, key="another"), ENTRY)
    found = store.token("other")
    assert found is not None
    assert not found.used_by


def test_of_many_who_hold_one_token_one_enrols(store: AccessStore) -> None:
    store.add_token(TOKEN, "digest", ENTRY)
    admitted: list[str] = []

    def enrol(number: int) -> None:
        agent = f"{number:032x}"
        try:
            store.enrol("digest", certificate(number, agent, f"key-{number}"), ENTRY)
        except Unauthenticated:
            return
        admitted.append(agent)

    threads = [threading.Thread(target=enrol, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 1


def test_a_revoked_agent_is_not_renewed(store: AccessStore) -> None:
    store.add_token(TOKEN, "digest", ENTRY)
    store.enrol("digest", certificate(1), ENTRY)
    store.add_certificate(certificate(2), ENTRY)
    assert store.revoke_agent(AGENT, ENTRY) == (AGENT, 2)
    with pytest.raises(Unauthenticated):
        store.add_certificate(certificate(3), ENTRY)
    assert [agent.revoked for agent in store.agents()] == [True]
    with pytest.raises(NotFound):
        store.revoke_agent("nobody", ENTRY)


def test_the_audit_log_is_newest_first_and_pruned_by_age(store: AccessStore) -> None:
    day = [replace(ENTRY, at_unix_s=n * DAY_S, action=f"day-{n}") for n in range(10)]
    for entry in day:
        store.add_entry(entry)
    assert store.entries(3) == day[:-4:-1]
    assert AuditPruning(store, days=0).prune(20 * DAY_S) == 0
    assert AuditPruning(store, days=4).prune(10 * DAY_S) == 6
    newest, *rest = store.entries(100)
    assert rest == day[:5:-1]
    assert (newest.action, newest.subject) == ("prune-audit", "6 entries older than 4 days")
    assert AuditPruning(store, days=4).prune(10 * DAY_S) == 0
    assert len(store.entries(100)) == 5
