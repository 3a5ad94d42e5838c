"""The connection alone, against a real sshd."""

from __future__ import annotations

import dataclasses
import getpass
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paramiko.hostkeys import HostKeys

from deploy.inventory import Login, Target
from deploy.shell import command, script
from deploy.ssh import Board
from help_core.errors import BadInput, DeployFailed, TimedOut, Unauthenticated, Unreachable
from tests.lab.ssh.boards import SshBoard, make_key, ssh_board

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshBoard]:
    home = tmp_path_factory.mktemp("ssh")
    with ssh_board(home / "board", make_key(home / "id")) as board:
        yield board


@pytest.fixture
def target(sshd: SshBoard, tmp_path: Path) -> Target:
    known = tmp_path / "known_hosts"
    known.write_text(sshd.known_line)
    login = Login("127.0.0.1", getpass.getuser(), sshd.port)
    return Target("b", login, "b", identity=str(sshd.identity), known_hosts=str(known))


def test_a_script_gives_back_its_code_and_all_of_its_output(target: Target) -> None:
    with Board(target) as board:
        said = board.run(script("seq 100000", "echo bad >&2", "exit 7"), 60)
        assert said.code == 7
        assert said.out.splitlines() == [str(number) for number in range(1, 100001)]
        assert said.err == "bad\n"


def test_what_a_script_leaves_running_is_not_waited_for(target: Target) -> None:
    with Board(target) as board:
        said = board.run(script("sleep 5 &", "echo done"), 60)
        assert (said.code, said.out) == (0, "done\n")


def test_a_step_that_takes_too_long_is_ended(target: Target) -> None:
    with Board(target) as board:
        began = time.monotonic()
        with pytest.raises(TimedOut, match="longer than 1 s"):
            board.run(script("sleep 500"), 1)
    assert time.monotonic() - began < 500


def test_a_private_file_is_written_for_its_owner_alone(target: Target, tmp_path: Path) -> None:
    path = tmp_path / 'it\'s "$(here)"'
    with Board(target) as board:
        board.put(b"secret", str(path), private=True)
        assert board.run(script(command("cat", str(path))), 60).out == "secret"
        with pytest.raises(DeployFailed, match="could not be written"):
            board.put(b"x", str(tmp_path / "none" / "x"))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_hashed_name_is_known(target: Target, sshd: SshBoard) -> None:
    name, key = sshd.known_line.split(" ", 1)
    Path(target.known_hosts).write_text(f"{HostKeys.hash_host(name)} {key}")
    with Board(target) as board:
        assert board.run(script("echo hi"), 60).out == "hi\n"


def test_a_changed_host_key_is_refused_with_file_and_line(
    target: Target, sshd: SshBoard, tmp_path: Path
) -> None:
    other = Path(f"{make_key(tmp_path / 'other')}.pub").read_text().split()[:2]
    name = sshd.known_line.split()[0]
    Path(target.known_hosts).write_text(f"# before\n{name} {' '.join(other)}\n")
    with pytest.raises(Unauthenticated) as caught:
        Board(target)
    assert f"{target.known_hosts} line 2" in str(caught.value)
    assert "has changed" in str(caught.value)


def test_a_revoked_and_an_unknown_host_key_are_refused(target: Target, sshd: SshBoard) -> None:
    for text in (f"@revoked {sshd.known_line}", f"@revoked {sshd.known_line}{sshd.known_line}", ""):
        Path(target.known_hosts).write_text(text)
        with pytest.raises(Unauthenticated, match="is not in"):
            Board(target)


def test_a_key_that_is_not_welcome_and_one_that_is_none_are_told_apart(
    target: Target, tmp_path: Path
) -> None:
    stranger = make_key(tmp_path / "stranger")
    with pytest.raises(Unauthenticated, match="refused the login"):
        Board(dataclasses.replace(target, identity=str(stranger)))
    none = tmp_path / "none"
    none.write_text("hello")
    with pytest.raises(BadInput, match="is no private key"):
        Board(dataclasses.replace(target, identity=str(none)))


def test_a_jump_host_that_does_not_reach_the_board_says_so(target: Target) -> None:
    away = dataclasses.replace(target.login, port=1)
    with pytest.raises(Unreachable, match=r"jump host .* does not reach"):
        Board(dataclasses.replace(target, login=away, jump=(target.login,)))
