"""A phone as a board: measured, unplugged, plugged in again, and left as it was found."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agent.boards.android.binaries import Binaries
from agent.boards.android.fake import FolderPhone
from agent.boards.android.files import PhoneFiles
from agent.boards.android.link import LinkLost
from agent.boards.android.power import StayAwake
from help_core.errors import StoreError
from help_core.records import Failure, FailureClass, Measurement, Settings
from help_core.spaces import parse_architecture
from tests.agent.boards.android.phones import make_board

CELL = parse_architecture(
    "nasbench201:|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"
)
OTHER = parse_architecture(
    "nasbench201:|skip_connect~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
)


def measured(outcome: Measurement | Failure) -> Measurement:
    assert isinstance(outcome, Measurement), outcome
    return outcome


def test_an_architecture_is_measured_in_fresh_processes(
    phone: FolderPhone, binaries: Binaries
) -> None:
    found = measured(make_board(phone, binaries).measure(CELL, Settings()))
    assert 0.05 < found.summary.median_ms < 1000
    assert len(found.processes) == 2
    assert all(process.samples >= 3 for process in found.processes)
    assert found.fingerprint["runtime"].startswith("onnxruntime 1.")
    assert found.fingerprint["board"] == "Google Pixel 9"
    readings = {reading.name: reading for reading in found.readings}
    assert readings["battery_percent"].before == 83
    assert readings["android_thermal_status"].after == 0
    assert readings["screen_on"].before == 1
    assert readings["sentinel_ms"].before is not None
    assert "provider-unproven" not in found.reasons
    assert "provider-fallback" not in found.reasons


def test_throttling_during_a_measurement_is_a_reason(
    phone: FolderPhone, binaries: Binaries
) -> None:
    phone.answer("dumpsys", ["thermalservice"], "Thermal Status: 3\n")
    found = measured(make_board(phone, binaries).measure(CELL, Settings()))
    assert "throttled" in found.reasons


def test_files_are_pushed_once_and_models_go_after_their_batch(
    phone: FolderPhone, binaries: Binaries
) -> None:
    board = make_board(phone, binaries)
    for outcome in board.measure_batch([(CELL, Settings()), (OTHER, Settings())]):
        measured(outcome)
    # Runner, library, sentinel and two models; each once, though each ran several times.
    assert len(phone.pushed) == 5
    assert len(list(Path(phone.folder).iterdir())) == 3
    assert board.clean_up()
    assert not Path(phone.folder).exists()


def test_a_pulled_cable_delays_a_measurement_and_loses_nothing(
    phone: FolderPhone, binaries: Binaries
) -> None:
    board = make_board(phone, binaries)
    board.measure(CELL, Settings())
    started = phone.count_starts()
    timer = threading.Thread(target=_pull_at_next_start, args=(phone, started))
    timer.start()
    found = measured(board.measure(OTHER, Settings()))
    timer.join()
    assert len(found.processes) == 2


def _pull_at_next_start(phone: FolderPhone, started: int) -> None:
    while phone.count_starts() == started:
        threading.Event().wait(0.005)
    phone.unplug()
    threading.Event().wait(0.3)
    phone.plug()


def test_a_phone_that_stays_away_is_a_failure_to_be_tried_again(
    phone: FolderPhone, binaries: Binaries
) -> None:
    board = make_board(phone, binaries, return_s=0.0)
    phone.unplug()
    outcome = board.measure(CELL, Settings())
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is FailureClass.KILLED
    assert phone.serial in outcome.message
    assert not board.ready(0.0)
    assert not board.clean_up()


def test_a_phone_that_is_back_takes_work_again(phone: FolderPhone, binaries: Binaries) -> None:
    board = make_board(phone, binaries, return_s=0.0)
    phone.unplug()
    board.measure(CELL, Settings())
    phone.plug()
    assert board.ready(0.0)
    measured(board.measure(CELL, Settings()))


def test_an_interrupted_measurement_ends_soon(phone: FolderPhone, binaries: Binaries) -> None:
    board = make_board(phone, binaries)
    board.interrupt()
    outcome = board.measure(CELL, Settings())
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is FailureClass.KILLED


def test_a_provider_that_the_phone_lacks_is_a_failure_with_its_class(
    phone: FolderPhone, binaries: Binaries
) -> None:
    outcome = make_board(phone, binaries).measure(CELL, Settings(provider="QNNExecutionProvider"))
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is FailureClass.NO_PROVIDER


def test_a_runner_that_the_phone_cannot_start_is_told_with_a_way_out(
    phone: FolderPhone, binaries: Binaries, tmp_path: Path
) -> None:
    broken = tmp_path / "runner"
    broken.write_text("#!/no/such/loader\n")
    board = make_board(phone, Binaries(broken, binaries.library))
    outcome = board.measure(CELL, Settings())
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is FailureClass.NO_PROVIDER
    assert "--runner" in outcome.message


@pytest.mark.parametrize(
    ("signal", "kind"),
    [
        ("SEGV", FailureClass.CRASHED),
        ("ILL", FailureClass.ILLEGAL_INSTRUCTION),
        ("KILL", FailureClass.KILLED),
        ("ALRM", FailureClass.TIMED_OUT),
    ],
)
def test_a_runner_that_dies_is_told_by_how(
    phone: FolderPhone, binaries: Binaries, tmp_path: Path, signal: str, kind: FailureClass
) -> None:
    dying = tmp_path / "runner"
    dying.write_text(f"#!/bin/sh\nkill -{signal} $$\n")
    outcome = make_board(phone, Binaries(dying, binaries.library)).measure(CELL, Settings())
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is kind


@pytest.mark.parametrize("answer", ["{}", '{"session_ns": "x"}', '{"error": "new-class"}'])
def test_a_damaged_answer_is_a_crash_and_no_traceback(
    phone: FolderPhone, binaries: Binaries, tmp_path: Path, answer: str
) -> None:
    odd = tmp_path / "runner"
    odd.write_text(f"#!/bin/sh\nwhile read line; do echo '{answer}'; done\n")
    outcome = make_board(phone, Binaries(odd, binaries.library)).measure(CELL, Settings())
    assert isinstance(outcome, Failure)
    assert outcome.failure_class is FailureClass.CRASHED


def test_a_file_that_was_damaged_on_the_phone_is_pushed_again(
    phone: FolderPhone, tmp_path: Path
) -> None:
    source = tmp_path / "a;b 'c'"
    source.write_text("content")
    files = PhoneFiles(phone)
    target = files.put(source)
    Path(target).write_text("damage")
    files.forget()
    assert files.put(source) == target
    assert Path(target).read_text() == "content"
    # Nothing of a source's name is in a remote path.
    assert Path(target).name.isalnum()


def test_what_a_crashed_run_left_is_used_again(phone: FolderPhone, tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_text("content")
    PhoneFiles(phone).put(source)
    PhoneFiles(phone).put(source)
    assert len(phone.pushed) == 1


def test_staying_awake_is_put_back(phone: FolderPhone, tmp_path: Path) -> None:
    phone.answer("settings", ["global", "stay_on_while_plugged_in"], "2")
    keeper = StayAwake(phone, tmp_path)
    keeper.turn_on()
    assert phone.setting("stay_on_while_plugged_in") == "7"
    assert keeper.restore()
    assert phone.setting("stay_on_while_plugged_in") == "2"


def test_staying_awake_is_put_back_by_the_run_after_a_crash(
    phone: FolderPhone, tmp_path: Path
) -> None:
    StayAwake(phone, tmp_path).turn_on()
    # The next run turns it on again: what the crashed one found must not be lost to "7".
    later = StayAwake(phone, tmp_path)
    later.turn_on()
    assert later.restore()
    assert phone.setting("stay_on_while_plugged_in") is None


def test_a_phone_that_is_away_is_put_back_later(phone: FolderPhone, tmp_path: Path) -> None:
    keeper = StayAwake(phone, tmp_path)
    keeper.turn_on()
    phone.unplug()
    assert not keeper.restore()
    phone.plug()
    assert keeper.restore()
    assert phone.setting("stay_on_while_plugged_in") is None


def test_a_setting_is_not_changed_before_it_is_recorded(phone: FolderPhone, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file where the folder should be")
    with pytest.raises(StoreError):
        StayAwake(phone, tmp_path / "occupied" / "phones").turn_on()
    assert phone.setting("stay_on_while_plugged_in") is None


def test_an_unplugged_phone_is_never_a_number(phone: FolderPhone) -> None:
    phone.unplug()
    with pytest.raises(LinkLost):
        phone.shell("echo 1")
