"""What a person or a phone named reaches a shell as one word and nothing else."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.boards.android.quoting import command_line, quote
from help_core.errors import BadInput

SHELLS = [name for name in ("sh", "bash", "mksh") if shutil.which(name)]
NASTY = [
    "",
    "plain",
    "two words",
    "it's",
    'say "x"',
    "a;id",
    "a\nid\n",
    "$(id)",
    "`id`",
    "$HOME",
    "*",
    "~",
    "\\",
    "\\'",
    "'\\''",
    "-rf",
    "a && b | c > d",
    "#no",
    "ünïcode",
    "\t\r\x01",
]

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def echoed(shell: str, words: list[str]) -> str:
    done = subprocess.run(
        [shell, "-c", "printf '<%s>' " + command_line(words)], capture_output=True, check=True
    )
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.mark.parametrize("shell", SHELLS)
def test_nasty_words_come_out_of_a_shell_as_they_went_in(shell: str) -> None:
    assert echoed(shell, NASTY) == "".join(f"<{word}>" for word in NASTY)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=8)
)
def test_any_words_come_out_of_a_shell_as_they_went_in(words: list[str]) -> None:
    expected = "".join(f"<{word}>" for word in words) if words else "<>"
    assert echoed("sh", words) == expected


def test_a_nul_is_refused() -> None:
    with pytest.raises(BadInput, match="NUL"):
        quote("a\0b")
