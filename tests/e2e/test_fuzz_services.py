"""Hostile messages to every method: no defect, bounded memory, and it goes on serving."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.fuzz_services import (
    coordinator,
    fuzz,
    logged_defects,
    prepare,
    resident_mib,
    still_serves,
)
from tests.postgres import Postgres


def test_three_thousand_hostile_messages_break_nothing(tmp_path: Path) -> None:
    _fuzz(tmp_path, "", count=2500)


def test_hostile_messages_do_not_reach_postgresql_either(
    tmp_path: Path, postgres: Postgres
) -> None:
    with postgres.database() as url:
        _fuzz(tmp_path, url, count=1000)


def _fuzz(folder: Path, store: str, count: int) -> None:
    with coordinator(folder, store) as (address, pid, log):
        prepare(address)
        warm = asyncio.run(fuzz(address, 500, seed=1))
        before_mib = resident_mib(pid)
        tally = asyncio.run(fuzz(address, count, seed=2))
        assert warm.defects + tally.defects == []
        assert logged_defects(log) == []
        assert resident_mib(pid) - before_mib < 100
        assert still_serves(address)
    refused = {code for _, code in tally.statuses}
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED"} <= refused
