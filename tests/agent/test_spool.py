"""The spool keeps reports until they are acknowledged, also across a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.spool import BATCH_REPORTS, Spool
from help_core.errors import StoreError
from help_core.records import Failure, FailureClass, Report


def _report(number: int) -> Report:
    return Report(f"key-{number:05}", number, 1, 1.0, Failure(FailureClass.NO_DATA, "gap"))


def test_reports_come_back_in_order_after_a_restart_until_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    first = Spool(path)
    for number in range(3):
        first.put(_report(number))
    first.remove([_report(0).key])
    first.close()
    second = Spool(path)
    found = []
    last_id = 0
    while (entry := second.after(last_id, 0.0)) is not None:
        last_id, reports = entry
        found += reports
    assert found == [_report(1), _report(2)]
    second.close()


def test_the_same_report_is_kept_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    spool.put(_report(1))
    spool.put(_report(1))
    assert len(spool) == 1
    assert not spool.wait_until_empty(0.01)
    spool.remove([_report(1).key])
    assert spool.wait_until_empty(0.01)
    spool.close()


def test_a_report_put_after_the_spool_was_emptied_comes_after_those_before(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    spool.put(_report(1))
    first = spool.after(0, 0.0)
    assert first is not None
    spool.remove([_report(1).key])
    spool.put(_report(2))
    second = spool.after(first[0], 0.0)
    assert second is not None
    assert second[1] == [_report(2)]
    spool.close()


def test_a_spool_that_is_full_says_so_until_there_is_room_and_drops_nothing(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool.sqlite", max_bytes=60)
    for number in range(5):
        spool.put(_report(number))
    assert spool.full
    assert not spool.wait_for_room(0.01)
    assert len(spool) == 5
    spool.remove([_report(number).key for number in range(4)])
    assert spool.wait_for_room(0.01)
    spool.close()
    again = Spool(tmp_path / "spool.sqlite", max_bytes=10)
    assert again.full
    again.close()


def test_batches_stay_within_what_a_message_holds(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    for number in range(BATCH_REPORTS + 1):
        spool.put(_report(number))
    first = spool.after(0, 0.0)
    assert first is not None
    second = spool.after(first[0], 0.0)
    assert second is not None
    assert (len(first[1]), len(second[1])) == (BATCH_REPORTS, 1)
    spool.close()


def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        Spool(tmp_path / "missing" / "spool.sqlite")
