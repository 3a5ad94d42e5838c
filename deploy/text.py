"""What a board said, made fit for one line of a terminal."""

from __future__ import annotations

MAX_CHARS = 300


def one_line(text: str, limit: int = MAX_CHARS) -> str:
    """Printable characters alone, spaces for the rest, cut at ``limit``."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def last_line(text: str) -> str:
    """The last line that says anything."""
    lines = [line for line in text.splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else ""
