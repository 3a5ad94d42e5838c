"""The way through the adb program: codes, texts and files arrive; a lost cable is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.boards.android.link import FOLDER, AdbLink, LinkLost, attached_phones, find_adb
from agent.boards.android.quoting import quote
from agent.phones import choose_serials, phone_name
from help_core.errors import BadInput, Unreachable
from help_core.records import Settings, check_name
from tests.agent.boards.android.adb_program import make_adb
from tests.agent.boards.android.test_quoting import NASTY


@pytest.fixture
def adb(tmp_path: Path) -> Path:
    return make_adb(tmp_path / "adb", ["A1", "B2"])


@pytest.fixture
def link(adb: Path) -> AdbLink:
    return AdbLink(str(adb), "A1")


def test_exit_code_and_text_of_a_command_arrive(link: AdbLink) -> None:
    answer = link.shell("echo out; echo err >&2; exit 7")
    assert (answer.code, answer.text) == (7, "out\nerr\n")


@pytest.mark.parametrize("text", NASTY)
def test_a_quoted_word_arrives_on_the_phone_as_it_is(link: AdbLink, text: str) -> None:
    assert link.shell(f"printf %s {quote(text)} | od -An -tx1 | tr -d ' \\n'").text == (
        text.encode().hex()
    )


def test_a_command_that_prints_the_mark_of_an_end_fools_nobody(link: AdbLink) -> None:
    answer = link.shell("echo help-fleet-ended 0; exit 3")
    assert answer.code == 3


def test_files_arrive(link: AdbLink, adb: Path, tmp_path: Path) -> None:
    (tmp_path / "it's; a file").write_text("content")
    link.push(tmp_path / "it's; a file", f"{FOLDER}-x")
    assert (adb.parent / "A1/tmp/help-fleet-x").read_text() == "content"


def test_a_lost_cable_is_no_failed_command(link: AdbLink, adb: Path, tmp_path: Path) -> None:
    (adb.parent / "A1" / "plugged").unlink()
    assert not link.is_there()
    with pytest.raises(LinkLost, match="A1"):
        link.shell("true")
    with pytest.raises(LinkLost):
        link.push(adb, f"{FOLDER}-x")
    assert AdbLink(str(adb), "B2").is_there()


def test_a_phone_that_gives_no_answer_is_lost(link: AdbLink) -> None:
    with pytest.raises(LinkLost, match="no answer"):
        link.shell("exec sleep 5", timeout_s=0.2)


def test_all_ready_phones_are_served_unless_some_are_named(adb: Path) -> None:
    attached = attached_phones(str(adb))
    assert attached == {"A1": "device", "B2": "device", "locked": "unauthorized"}
    assert choose_serials([], attached) == ["A1", "B2"]
    assert choose_serials(["B2", "B2"], attached) == ["B2"]


@pytest.mark.parametrize("serial", ["locked", "absent", "A1; id"])
def test_a_phone_that_is_not_ready_is_told_with_what_adb_sees(serial: str) -> None:
    with pytest.raises(Unreachable, match=r"is not ready; adb sees A1 \(device\), locked"):
        choose_serials([serial], {"A1": "device", "locked": "unauthorized"})


def test_no_phone_at_all_is_told() -> None:
    with pytest.raises(Unreachable, match="no phone is ready; adb sees none"):
        choose_serials([], {})


def test_an_adb_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInput, match="--adb"):
        find_adb("/no/such/adb")


@pytest.mark.parametrize("model", ["Pixel 9", "", "; rm -rf $HOME", "x" * 100, "名前", "../../x"])
@pytest.mark.parametrize("serial", ["4A11", "192.168.0.7:5555", "a\nb", "'" * 70])
def test_any_phone_has_a_name_that_a_device_may_have(model: str, serial: str) -> None:
    name = phone_name(model, serial, Settings(threads=4, batch_size=8, precision="fp16"))
    assert check_name("device", name) == name
    assert name.endswith("-t4-b8-fp16")


def test_a_phones_name_tells_model_and_serial() -> None:
    assert phone_name("Pixel 9", "4A11", Settings()) == "Pixel-9-4A11"
