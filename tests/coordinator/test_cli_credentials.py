"""No command goes past the credentials."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.credentials import Login, find_login, keep_login, read_logins
from help_core.errors import BadInput, Unauthenticated

CLI = Path(__file__).resolve().parents[2] / "coordinator" / "cli"
LOGIN = Login("-----BEGIN CERTIFICATE-----\nx\n", "hfu_secret")


def test_every_command_connects_with_credentials() -> None:
    # quickstart speaks to a coordinator inside itself; login is what makes the credentials.
    exempt = {"options.py", "quickstart.py", "access.py"}
    found = [path.name for path in CLI.glob("*.py") if "with Client(" in path.read_text()]
    assert set(found) <= exempt


def test_a_login_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "config" / "logins.json"
    keep_login(path, "a:1", LOGIN)
    keep_login(path, "b:2", LOGIN)
    assert set(read_logins(path)) == {"a:1", "b:2"}
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o604)
    with pytest.raises(BadInput, match="chmod 600"):
        read_logins(path)


def test_what_is_given_comes_before_what_is_kept(tmp_path: Path) -> None:
    path, ca = tmp_path / "logins.json", tmp_path / "ca.pem"
    keep_login(path, "lab:1", LOGIN)
    ca.write_text("-----BEGIN CERTIFICATE-----\nother\n")
    assert find_login("lab:1", path, None, "") == LOGIN
    assert find_login("lab:1", path, None, "new") == Login(LOGIN.ca_pem, "new")
    assert find_login("lab:1", path, ca, "") == Login(ca.read_text(), "hfu_secret")
    ca.write_text("no certificate")
    with pytest.raises(BadInput, match="no certificate"):
        find_login("lab:1", path, ca, "")


def test_only_loopback_is_spoken_to_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "logins.json"
    assert find_login("127.0.0.1:50051", path, None, "token") is None
    for address in ("lab.example:50051", "10.0.0.1:50051", "127.0.0.1.example:50051"):
        with pytest.raises(Unauthenticated, match="help-coord login"):
            find_login(address, path, None, "token")


@pytest.mark.parametrize("content", ["", "[]", '{"a:1": {}}', '{"a:1": 3}'])
def test_a_damaged_file_of_logins_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "logins.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(BadInput, match="damaged"):
        read_logins(path)
