"""Reading inventories and logins."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.inventory import Login, Target, choose, parse_login, read_inventory
from help_core.errors import BadInput, NotFound

ROOT = Path(__file__).resolve().parents[2]


def _write(folder: Path, text: str) -> Path:
    path = folder / "boards.toml"
    path.write_text(text)
    return path


def test_the_example_is_read_whole() -> None:
    found = {one.name: one for one in read_inventory(ROOT / "deploy" / "inventory.toml")}
    assert found["kitchen-pi"].device == "raspi4"
    assert found["kitchen-pi-4-threads"].run_arguments() == ["--threads=4"]
    assert found["orin"].login == Login("orin.lab", "nvidia", 2222)
    assert found["orin"].jump == (Login("gate.lab", "me"),)


def test_defaults_hold_where_a_board_says_nothing(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        '[defaults]\nport=7\nidentity="id"\n[boards.a]\nhost="h"\n'
        '[boards.b]\nhost="h:9"\nport=8\nidentity="/k"\n',
    )
    a, b = read_inventory(path)
    assert (a.login.port, a.identity, a.device) == (7, str(tmp_path / "id"), "a")
    assert (b.login.port, b.identity) == (8, "/k")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[boards", ["boards.toml"]),
        ("x = 1", ["'x'", "unknown"]),
        ("", ["no [boards.NAME]"]),
        ("boards = 3", ["boards", "no table"]),
        ("[boards]\na = 3", ["boards.a", "no table"]),
        ("[boards.a]", ["boards.a.host", "missing"]),
        ('[boards.a]\nhost="h"\nhots="x"', ["boards.a.hots", "unknown"]),
        ('[boards.a]\nhost=3', ["boards.a.host", "string"]),
        ('[boards.a]\nhost="a b"', ["boards.a.host", "'a b'"]),
        ('[boards.a]\nhost="h"\nport=true', ["boards.a.port", "whole number"]),
        ('[boards.a]\nhost="h"\nport=70000', ["boards.a.port"]),
        ('[boards.a]\nhost="h"\njump="x"', ["boards.a.jump", "list"]),
        ('[boards.a]\nhost="h"\njump=["-oProxyCommand=x"]', ["boards.a.jump"]),
        ('[boards.a]\nhost="h"\nthreads=0', ["boards.a", "threads"]),
        ('[boards.a]\nhost="h"\nservice="cron"', ["boards.a", "'cron'"]),
        ('[boards.a]\nhost="h"\ndirectory="x"', ["boards.a", "absolute"]),
        ('[boards.a]\nhost="h"\ndevice="a;b"', ["boards.a", "device name"]),
        ('[boards."../a"]\nhost="h"', ["board name"]),
        ('[boards.status]\nhost="h"', ["'status'", "command of deploy"]),
        ('[boards.a]\nhost="h"\ndevice="d"\n[boards.b]\nhost="h"\ndevice="d"', ["boards.b", "'d'"]),
        ('[boards.a]\nhost="h"\nlabels={x=1}', ["boards.a.labels"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_file_and_key(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(BadInput) as caught:
        read_inventory(_write(tmp_path, text))
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in ["boards.toml", *words]), line


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_inventory(tmp_path / "none.toml")


def test_boards_are_chosen_by_name_in_order_and_once() -> None:
    targets = [Target(name, Login("h"), name) for name in "abc"]
    assert choose(Path("i"), targets, ["c", "a", "c"]) == [targets[2], targets[0]]
    assert choose(Path("i"), targets, []) == targets
    with pytest.raises(NotFound, match="a, b, c"):
        choose(Path("i"), targets, ["d"])
    with pytest.raises(BadInput, match="deploy status --inventory i"):
        choose(Path("i"), targets, ["status"])


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("h", Login("h")),
        ("pi@10.0.0.1:2222", Login("10.0.0.1", "pi", 2222)),
        ("u@[fe80::1]:22", Login("fe80::1", "u")),
        ("[::1]:7", None),
    ],
)
def test_logins_are_read(text: str, login: Login | None) -> None:
    if login is not None:
        assert parse_login(text) == login
        assert parse_login(str(login)) == login


@given(st.text(max_size=30))
def test_a_login_is_read_or_refused_and_never_holds_what_a_shell_or_ssh_reads(text: str) -> None:
    try:
        login = parse_login(text)
    except BadInput:
        return
    for word in filter(None, (login.host, login.user)):
        assert not word.startswith("-")
        assert not set(word) & set(" \t\n;'\"`$&|<>\\@")
    assert 0 < login.port < 65536
