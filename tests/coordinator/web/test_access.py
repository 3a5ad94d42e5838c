"""Who may see pages, and what another site cannot make a browser do."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from coordinator.security.records import AuditEntry, Role
from coordinator.web.cookies import SESSION_S, read_session, sign_session
from tests.coordinator.web.site import open_site

KEY = b"k" * 32


def test_without_a_session_a_page_leads_to_the_login_and_json_is_refused(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path, tls=True) as site:
            page = await site.get("/devices/box?x=1")
            assert page.status_code == 303
            assert page.headers["location"] == "/login?next=/devices/box%3Fx%3D1"
            assert "box" not in page.text
            for path in ("/api/v1/devices", "/live/fleet", "/api/v1/openapi.json"):
                assert (await site.get(path)).status_code == 401

    asyncio.run(look())


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
def test_a_login_makes_a_session_that_no_script_reads_and_no_site_sends(
    tmp_path: Path, role: Role
) -> None:
    async def log_in() -> None:
        async with open_site(tmp_path, tls=True) as site:
            secret = site.token(role)
            sent = await site.send("/login", token=secret, next="/answers")
            assert sent.headers["location"] == "/answers"
            (cookie,) = [
                one for one in sent.headers.get_list("set-cookie") if "help-session" in one
            ]
            assert cookie.startswith("__Host-help-session=")
            for part in ("HttpOnly", "SameSite=Strict", "Secure", "Path=/"):
                assert part in cookie
            assert secret not in cookie
            page = await site.get("/")
            assert page.status_code == 200
            assert role in page.text
            assert secret not in page.text
            await site.send("/logout", "/")
            assert (await site.get("/")).status_code == 303

    asyncio.run(log_in())


def test_a_wrong_token_makes_no_session(tmp_path: Path) -> None:
    async def log_in() -> None:
        async with open_site(tmp_path, tls=True) as site:
            for secret in ("", "hfu_wrong", "x" * 200):
                page = await site.send("/login", token=secret)
                assert page.status_code == 401
                cookies = page.headers.get_list("set-cookie")
                assert not any("help-session" in one for one in cookies)

    asyncio.run(log_in())


def test_a_token_that_enrols_agents_opens_no_page(tmp_path: Path) -> None:
    async def log_in() -> None:
        async with open_site(tmp_path, tls=True) as site:
            page = await site.send("/login", token=site.token(Role.AGENT_ENROL))
            assert page.status_code == 401
            assert "enrols an agent" in page.text

    asyncio.run(log_in())


def test_a_revoked_token_ends_its_session(tmp_path: Path) -> None:
    async def revoke() -> None:
        async with open_site(tmp_path, tls=True) as site:
            await site.send("/login", token=site.token(Role.USER))
            assert (await site.get("/")).status_code == 200
            access = site.parts.store.access
            (token,) = access.tokens()
            entry = AuditEntry(time.time(), "test", "revoke-token", token.id, "test", "ok")
            access.revoke_token(token.id, entry)
            site.parts.gate.forget()
            assert (await site.get("/")).status_code == 303

    asyncio.run(revoke())


def test_json_takes_the_token_of_the_api(tmp_path: Path) -> None:
    async def ask() -> None:
        async with open_site(tmp_path, tls=True) as site:
            headers = {"Authorization": f"Bearer {site.token(Role.USER)}"}
            found = await site.get("/api/v1/devices", headers=headers)
            assert found.json()["total"] == 1
            wrong = await site.get("/api/v1/devices", headers={"Authorization": "Bearer hfu_no"})
            assert wrong.status_code == 401
            assert wrong.json()["error"] == "Unauthenticated"

    asyncio.run(ask())


def test_guesses_of_tokens_are_slowed_down(tmp_path: Path) -> None:
    async def guess() -> None:
        async with open_site(tmp_path, tls=True) as site:
            statuses = set()
            for number in range(60):
                headers = {"Authorization": f"Bearer hfu_guess{number}"}
                statuses.add((await site.get("/api/v1/devices", headers=headers)).status_code)
            assert statuses == {401, 429}

    asyncio.run(guess())


def test_another_name_for_this_machine_is_refused(tmp_path: Path) -> None:
    async def rebind() -> None:
        async with open_site(tmp_path) as site:
            for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "."):
                for path in ("/", "/api/v1/devices"):
                    found = await site.get(path, headers={"Host": host})
                    assert found.status_code in (400, 403)
                    assert "box" not in found.text

    asyncio.run(rebind())


def test_the_names_of_loopback_and_of_the_certificate_are_answered(tmp_path: Path) -> None:
    async def look() -> None:
        async with open_site(tmp_path) as site:
            for host in ("localhost:8080", "127.0.0.1:9", "[::1]:8080", "lab.example:443"):
                assert (await site.get("/", headers={"Host": host})).status_code == 200

    asyncio.run(look())


def test_a_form_without_its_token_or_from_another_site_changes_nothing(tmp_path: Path) -> None:
    async def forge() -> None:
        async with open_site(tmp_path) as site:
            fields = {"device": "box", "space": "nasbench201"}
            token = await site.form_token("/answers/new")
            sent = [
                await site.http.post("/answers/new", data=fields),
                await site.http.post("/answers/new", data={**fields, "form_token": "0" * 64}),
            ]
            good = {**fields, "form_token": token}
            elsewhere = (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://127.0.0.1:9999"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"},
            )
            sent += [
                await site.http.post("/answers/new", data=good, headers=headers)
                for headers in elsewhere
            ]
            site.http.cookies.clear()
            sent.append(await site.http.post("/answers/new", data=good))
            assert {one.status_code for one in sent} == {403}
            assert site.parts.store.runs.find()[1] == 0

    asyncio.run(forge())


def test_a_login_leads_to_pages_of_ours_alone(tmp_path: Path) -> None:
    async def log_in() -> None:
        async with open_site(tmp_path, tls=True) as site:
            secret = site.token(Role.USER)
            for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "x"):
                sent = await site.send("/login", token=secret, next=target)
                assert sent.headers["location"] == "/"
                site.http.cookies.clear()

    asyncio.run(log_in())


def test_every_change_is_in_the_audit_log(tmp_path: Path) -> None:
    async def change() -> None:
        async with open_site(tmp_path) as site:
            sent = await site.send("/answers/new", device="box", space="nasbench201")
            path = sent.headers["location"]
            await site.send(f"{path}/cancel", path)
            actions = [entry.action for entry in site.parts.store.access.entries(10)]
            assert actions == ["CancelAdapt", "Adapt"]

    asyncio.run(change())


def test_a_session_is_neither_forged_nor_prolonged() -> None:
    value = sign_session(KEY, "hfu_secret", 1000.0)
    digest = read_session(KEY, value, 1000.0)
    assert digest
    assert len(digest) == 64
    assert read_session(KEY, value, 1000.0 + SESSION_S + 1) is None
    assert read_session(b"o" * 32, value, 1000.0) is None
    longer = value.replace(f".{int(1000 + SESSION_S)}.", f".{int(9000 + SESSION_S)}.")
    assert longer != value
    for forged in (longer, "", ".", "..", "a.b.c", value[:-1], "é" + value):
        assert read_session(KEY, forged, 1000.0) is None
