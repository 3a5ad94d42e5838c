"""Quoting, against the shell itself."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.shell import command, quote, script
from help_core.errors import BadInput

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
ECHO = "import json, sys; print(json.dumps(sys.argv[1:]))"
NASTY = [
    "",
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "$(id)",
    "a\nb\n",
    "-n",
    "*",
    "\\",
    "!x",
    ";",
    "é",
]


def _words_that_sh_sees(words: list[str]) -> list[str]:
    text = script(command(sys.executable, "-c", ECHO, *words))
    done = subprocess.run(["sh", "-s"], input=text.encode(), capture_output=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_a_shell_sees_nasty_words_as_they_are() -> None:
    assert _words_that_sh_sees(NASTY) == NASTY


@settings(max_examples=25, deadline=None)
@given(st.lists(WORDS, max_size=30))
def test_a_shell_sees_any_words_as_they_are(words: list[str]) -> None:
    assert _words_that_sh_sees(words) == words


@given(WORDS)
def test_a_quoted_word_leaves_its_quotes_only_for_an_escaped_quote(word: str) -> None:
    inside = quote(word)[1:-1]
    assert "'" not in inside.replace("'\\''", "")


@pytest.mark.parametrize("word", ["a\0b", "\ud800"])
def test_what_no_argument_can_hold_is_refused(word: str) -> None:
    with pytest.raises(BadInput):
        quote(word)


def test_a_script_ends_at_its_first_failing_line_and_is_not_read_by_its_commands() -> None:
    text = script("cat", "echo before", "false", "echo after")
    done = subprocess.run(["sh", "-s"], input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"before\n")
