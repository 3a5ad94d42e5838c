"""Pages from a coordinator that really listens, in the clear and with TLS."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from pathlib import Path

import httpx
import pytest

from coordinator.security.authority import create_authority
from coordinator.security.records import AuditEntry, Role, Token
from coordinator.security.secrets import digest_of, new_secret, new_token_id
from coordinator.server import ServerOptions, running
from coordinator.store import SqlStore, open_store
from help_core.errors import AddressInUse

FORM_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


def user_token(store: SqlStore) -> str:
    secret, now_s = new_secret(Role.USER), time.time()
    token = Token(new_token_id(), Role.USER, "test", now_s, now_s + 3600)
    entry = AuditEntry(now_s, "test", "create-token", token.id, "test", "ok")
    store.access.add_token(token, digest_of(secret), entry)
    return secret


def test_over_tls_a_person_logs_in_and_the_session_outlives_the_coordinator(tmp_path: Path) -> None:
    async def visit() -> None:
        authority = create_authority(tmp_path / "tls", ["127.0.0.1"], time.time())
        store = open_store(str(tmp_path / "s.db"))
        secret = user_token(store)
        options = ServerOptions(
            authority=authority, agents_listen="127.0.0.1:0", http="127.0.0.1:0"
        )
        trust = ssl.create_default_context(cadata=authority.ca_pem.decode())
        async with running("127.0.0.1:0", store, options) as bound:
            assert bound.pages.startswith("https://127.0.0.1:")
            async with httpx.AsyncClient(base_url=bound.pages, verify=trust) as http:
                assert (await http.get("/")).status_code == 303
                page = (await http.get("/login")).text
                found = FORM_TOKEN.search(page)
                assert found
                fields = {"form_token": found[1], "token": secret}
                assert (await http.post("/login", data=fields)).status_code == 303
                assert (await http.get("/")).status_code == 200
                cookies = dict(http.cookies)
        async with (
            running("127.0.0.1:0", store, options) as bound,
            httpx.AsyncClient(base_url=bound.pages, verify=trust, cookies=cookies) as http,
        ):
            assert (await http.get("/")).status_code == 200
        store.close()

    asyncio.run(visit())


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    async def serve_twice() -> None:
        store = open_store(str(tmp_path / "s.db"))
        async with running("127.0.0.1:0", store, ServerOptions(http="127.0.0.1:0")) as bound:
            address = bound.pages.removeprefix("http://").strip("/")
            with pytest.raises(AddressInUse, match="name another with --http"):
                async with running("127.0.0.1:0", store, ServerOptions(http=address)):
                    pass
        store.close()

    asyncio.run(serve_twice())


def test_an_open_stream_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def stop() -> None:
        store = open_store(str(tmp_path / "s.db"))
        reading = asyncio.Event()

        async def watch(pages: str) -> None:
            async with (
                httpx.AsyncClient(base_url=pages, timeout=60.0) as http,
                http.stream("GET", "/live/fleet") as stream,
            ):
                async for _ in stream.aiter_text():
                    reading.set()

        async with running("127.0.0.1:0", store, ServerOptions(http="127.0.0.1:0")) as bound:
            watching = asyncio.create_task(watch(bound.pages))
            await reading.wait()
        await watching
        store.close()

    asyncio.run(stop())
