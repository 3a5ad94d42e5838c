"""The systemd units: what they escape, and what systemd-analyze says of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.layout import Layout
from deploy.units import SANDBOX, SYSTEM_SANDBOX, agent_unit, escape, unit_name
from help_core.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
HOSTILE = 'a%h $HOME "q" é\n[Service]\nExecStart=/bin/sh'


def _as_systemd_reads(word: str) -> str:
    """systemd.syntax(7) and systemd.service(5): quotes, C escapes, specifiers, variables."""
    assert word[0] == word[-1] == '"'
    raw = bytearray()
    for part in re.findall(r'\\x[0-9a-f]{2}|\\.|%%|\$\$|[^\\"%$]', word[1:-1], re.DOTALL):
        if part.startswith("\\x"):
            raw.append(int(part[2:], 16))
        else:
            raw += part[-1].encode()
    return raw.decode()


@given(WORDS)
def test_systemd_reads_an_escaped_word_as_it_was(word: str) -> None:
    escaped = escape(word)
    assert "\n" not in escaped
    assert _as_systemd_reads(escaped) == word


def test_nul_is_refused() -> None:
    with pytest.raises(BadInput):
        escape("a\0")


def test_no_argument_adds_a_line_to_the_unit() -> None:
    plain = agent_unit(Layout("/opt/x", "d"), ("run",), system=True)
    hostile = agent_unit(Layout("/opt/x", "d"), ("run", HOSTILE), system=True)
    assert len(hostile.splitlines()) == len(plain.splitlines())


def test_a_device_name_is_no_template_instance() -> None:
    assert unit_name("a@b+c.1") == r"help-agent-a\x40b\x2bc.1.service"


@pytest.mark.parametrize("system", [True, False])
def test_systemd_accepts_the_units_of_agents(tmp_path: Path, system: bool) -> None:
    layout = Layout(str(tmp_path / "a base"), "pi@x")
    program = Path(layout.program[0])
    program.parent.mkdir(parents=True)
    program.symlink_to("/bin/true")
    _verify(tmp_path, agent_unit(layout, ("run", HOSTILE), system=system))


def test_systemd_accepts_the_unit_of_the_coordinator(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "systemd" / "help-coord.service").read_text()
    _verify(tmp_path, text.replace("/opt/help-coord/bin/help-coord", "/bin/true"))
    assert set(SANDBOX) <= set(text.splitlines())


def test_a_user_unit_asks_for_nothing_that_needs_root() -> None:
    unit = agent_unit(Layout("/home/pi/x", "d"), ("run",), system=False)
    assert not set(SYSTEM_SANDBOX) & set(unit.splitlines())
    assert "User=" not in unit


def _verify(folder: Path, text: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    path = folder / "help-test.service"
    path.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "help-test.service" not in done.stderr, done.stderr
