"""The one place where a word becomes part of a shell script.

A script reaches a board on the standard input of ``sh -s``, so that the login shell of the
user, whichever it is, sees the same constant command always, and ``ps`` shows no argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from help_core.errors import BadInput


def quote(word: str) -> str:
    """``word`` as one literal word of a POSIX shell, whatever is in it.

    Raises ``BadInput`` for what no argument can hold: NUL, and text that is no Unicode.
    """
    if "\0" in word:
        raise BadInput(f"{word[:80]!r} holds a NUL character, which no command can be given")
    try:
        word.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{word[:80]!r} is no valid Unicode text") from None
    return "'" + word.replace("'", "'\\''") + "'"


def command(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """A simple command of literal words, with variables that it alone sees."""
    prefix = [f"{name}={quote(value)}" for name, value in (environment or {}).items()]
    return " ".join([*prefix, *map(quote, words)])


def script(*lines: str) -> str:
    """A script for ``sh -s`` that ends at the first failing line.

    It is one compound command, which the shell reads whole before it runs any of it; the
    commands in it read from nowhere and so cannot swallow what is left of the script.
    """
    return "\n".join(["set -eu", "umask 022", "{", *lines, ":", "} </dev/null", ""])


def assign(variables: Mapping[str, str]) -> Sequence[str]:
    """Lines that set shell variables to literal values."""
    return [f"{name}={quote(value)}" for name, value in variables.items()]
