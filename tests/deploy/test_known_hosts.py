"""Reading known_hosts files."""

from __future__ import annotations

from pathlib import Path

import paramiko
import pytest
from paramiko.hostkeys import HostKeys

from deploy.known_hosts import files_to_ask, known_keys
from help_core.errors import BadInput

KEY = paramiko.ECDSAKey.generate()
LINE = f"{KEY.get_name()} {KEY.get_base64()}"


def _lines(folder: Path, *lines: str) -> list[int]:
    path = folder / "known_hosts"
    path.write_text("\n".join(lines) + "\n")
    return [one.line for one in known_keys([path], "h", 22) if not one.revoked]


def test_a_host_is_found_by_its_plain_and_its_hashed_name(tmp_path: Path) -> None:
    hashed = HostKeys.hash_host("h")
    lines = ["# a comment", f"h {LINE}", f"other,h {LINE}", f"{hashed} {LINE}", f"other {LINE}"]
    assert _lines(tmp_path, *lines) == [2, 3, 4]


def test_a_port_belongs_to_the_name(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"h {LINE}\n[h]:7 {LINE}\n")
    assert [one.line for one in known_keys([path], "h", 7)] == [2]


def test_damaged_lines_and_authorities_are_passed_over(tmp_path: Path) -> None:
    damaged = ["", "h", "h ssh-ed25519", "h ssh-ed25519 !!!", "h ssh-new AAAA", "h ssh-rsa AAAA"]
    damaged += ["|1|x|y ssh-rsa AAAA", f"|1|x {LINE}"]
    assert _lines(tmp_path, *damaged, f"@cert-authority h {LINE}", f"h {LINE}") == [10]


def test_patterns_hold_and_may_be_excluded(tmp_path: Path) -> None:
    assert _lines(tmp_path, f"? {LINE}", f"*,!h {LINE}", f"*.lab {LINE}", f"[h] {LINE}") == [1]


def test_a_revoked_key_is_known_as_such(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"@revoked h {LINE}\n")
    (one,) = known_keys([path], "h", 22)
    assert one.revoked
    assert one.key.asbytes() == KEY.asbytes()


def test_a_named_file_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        files_to_ask(str(tmp_path / "none"))
