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


def test_three_thousand_hostile_messages_break_nothing(tmp_path: Path) -> None:
    with coordinator(tmp_path) as (address, pid, log):
        prepare(address)
        warm = asyncio.run(fuzz(address, 500, seed=1))
        before_mib = resident_mib(pid)
        tally = asyncio.run(fuzz(address, 2500, seed=2))
        assert warm.defects + tally.defects == []
        assert logged_defects(log) == []
        assert resident_mib(pid) - before_mib < 100
        assert still_serves(address)
    refused = {code for _, code in tally.statuses}
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED"} <= refused
