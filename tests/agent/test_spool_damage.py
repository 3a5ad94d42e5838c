"""A damaged spool gives back what is whole, nothing that is wrong, and says what it dropped."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from agent.spool import Spool
from agent.spool_file import torn_tail_bytes
from help_core.records import Measurement, Report, Summary, Verdict

COUNT = 40
FILES = ("spool.sqlite", "spool.sqlite-wal", "spool.sqlite-shm")


def _report(number: int) -> Report:
    samples = tuple(1_000_000 + number * 1000 + step for step in range(30))
    outcome = Measurement(samples, Summary(*[samples[0] / 1e6] * 7), Verdict.VALID)
    return Report(f"key-{number:05}", number + 1, 1, 1.0, outcome)


@pytest.fixture(scope="module")
def spooled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an agent that died with reports in its spool, partly checkpointed."""
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder / FILES[0])
    for number in range(COUNT):
        spool.put(_report(number))
        if number == COUNT // 2:
            database = sqlite3.connect(folder / FILES[0])
            database.execute("PRAGMA wal_checkpoint(PASSIVE)")
            database.close()
    died = tmp_path_factory.mktemp("died")
    for name in FILES[:2]:
        shutil.copy(folder / name, died / name)
    spool.close()
    return died


def _read_all(folder: Path) -> list[Report]:
    spool = Spool(folder / FILES[0])
    found: list[Report] = []
    last_id = 0
    while (entry := spool.after(last_id, 0.0)) is not None:
        last_id = entry[0]
        found += entry[1]
    # It goes on working.
    spool.put(_report(COUNT))
    spool.close()
    return found


def _copy(spooled: Path, folder: Path) -> Path:
    folder.mkdir()
    for name in FILES[:2]:
        shutil.copy(spooled / name, folder / name)
    return folder


def test_an_undamaged_spool_is_read_whole(spooled: Path, tmp_path: Path) -> None:
    assert _read_all(_copy(spooled, tmp_path / "s")) == [_report(n) for n in range(COUNT)]


@pytest.mark.parametrize("name", FILES[:2])
def test_a_truncated_spool_gives_back_whole_reports_only(
    spooled: Path, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    size = (spooled / name).stat().st_size
    true = {report.key: report for report in map(_report, range(COUNT))}
    for number, cut in enumerate(np.linspace(0, size - 1, 60).astype(int).tolist()):
        folder = _copy(spooled, tmp_path / str(number))
        with (folder / name).open("r+b") as file:
            file.truncate(cut)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = _read_all(folder)
        assert all(true[report.key] == report for report in found)
        assert [report.key for report in found] == sorted(report.key for report in found)
        if name.endswith("-wal"):
            # What a cut of the log leaves is all that was written before the cut.
            assert found == [_report(n) for n in range(len(found))]
            is_torn = torn_tail_bytes(spooled / name) == 0 and len(found) < COUNT
            frame_ends_here = (cut - 32) % (24 + 4096) == 0 or cut == 0
            assert bool(caplog.text) == (is_torn and not frame_ends_here)
        elif len(found) < COUNT:
            assert "damaged" in caplog.text


def test_flipped_bits_never_become_another_latency(
    spooled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(0)
    true = {report.key: report for report in map(_report, range(COUNT))}
    for number in range(120):
        folder = _copy(spooled, tmp_path / str(number))
        name = FILES[number % 2]
        data = bytearray((folder / name).read_bytes())
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        (folder / name).write_bytes(bytes(data))
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = _read_all(folder)
        assert all(true[report.key] == report for report in found)
        if len(found) < COUNT:
            assert caplog.text


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_file_that_is_empty_to_sqlite_is_said_and_its_log_kept(
    spooled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, left: int
) -> None:
    folder = _copy(spooled, tmp_path / "s")
    log = (folder / FILES[1]).read_bytes()
    with (folder / FILES[0]).open("r+b") as file:
        file.truncate(left)
    assert len(_read_all(folder)) < COUNT
    assert "was damaged" in caplog.text
    if left < 2:
        assert (folder / "spool.sqlite.damaged-1-wal").read_bytes() == log


def _frames(log: Path) -> range:
    return range(32, log.stat().st_size, 24 + 4096)


def test_a_log_cut_or_flipped_in_the_head_of_a_frame_is_said(
    spooled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Where the salts are, which tell this run's frames from those of an earlier one.
    frames = list(_frames(spooled / FILES[1]))[:6]
    for at, cut in [(at + step, cut) for at in frames for step in (1, 8, 15) for cut in (0, 1)]:
        folder = _copy(spooled, tmp_path / f"{at}-{cut}")
        data = bytearray((folder / FILES[1]).read_bytes())
        data[at] ^= 4
        (folder / FILES[1]).write_bytes(data[:at] if cut else data)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = _read_all(folder)
        assert len(found) < COUNT
        assert "torn write" in caplog.text


def test_a_log_cut_between_the_frames_of_a_write_is_said(
    spooled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = (spooled / FILES[1]).read_bytes()
    seen: set[bool] = set()
    for at in list(_frames(spooled / FILES[1]))[1:12]:
        folder = _copy(spooled, tmp_path / str(at))
        (folder / FILES[1]).write_bytes(data[:at])
        commits = any(data[at - 4120 + 4 : at - 4120 + 8])
        seen.add(commits)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            _read_all(folder)
        assert ("torn write" in caplog.text) == (not commits)
    assert seen == {True, False}


def test_a_torn_tail_is_said_once(
    spooled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = _copy(spooled, tmp_path / "s")
    data = bytearray((folder / FILES[1]).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / FILES[1]).write_bytes(data)
    first = Spool(folder / FILES[0])
    first.put(_report(COUNT))
    assert "torn write" in caplog.text
    caplog.clear()
    # As if it were killed: the log stays as it is.
    again = _copy(folder, tmp_path / "killed")
    first.close()
    found = _read_all(again)
    assert found[-1] == _report(COUNT)
    assert not caplog.text


def test_a_file_that_is_no_spool_is_moved_aside_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILES[0]).write_bytes(b"certainly not a database" * 50)
    assert _read_all(tmp_path) == []
    assert "was damaged" in caplog.text
    assert (tmp_path / "spool.sqlite.damaged-1").read_bytes().startswith(b"certainly not")


def test_a_flipped_bit_in_the_schema_is_damage_and_said(
    spooled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # To SQLite the text of the schema is data: with a letter changed it is another table.
    text = b"CREATE TABLE spooled"
    begin = (spooled / FILES[0]).read_bytes().index(text)
    for at in range(begin, begin + 60, 3):
        for bit in (0, 7):
            folder = _copy(spooled, tmp_path / f"{at}-{bit}")
            # Without the log, whose pages would cover the damage.
            (folder / FILES[1]).unlink()
            data = bytearray((folder / FILES[0]).read_bytes())
            data[at] ^= 1 << bit
            (folder / FILES[0]).write_bytes(bytes(data))
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                found = _read_all(folder)
            true = {report.key: report for report in map(_report, range(COUNT))}
            assert all(true[report.key] == report for report in found)
            assert "damaged" in caplog.text
