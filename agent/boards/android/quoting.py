"""The one way by which text becomes part of a phone's command line."""

from __future__ import annotations

from collections.abc import Sequence

from help_core.errors import BadInput


def quote(text: str) -> str:
    """``text`` as one word of a POSIX shell, whatever it holds; raises ``BadInput`` for a NUL.

    Between single quotes every character stands for itself, except the single quote.
    """
    if "\0" in text:
        raise BadInput(f"{text[:40]!r} holds a NUL, which no command line can")
    return "'" + text.replace("'", "'\\''") + "'"


def command_line(words: Sequence[str]) -> str:
    """A command of these words."""
    return " ".join(quote(word) for word in words)
