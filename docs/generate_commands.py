"""Writes docs/commands.md from the programs themselves.

python docs/generate_commands.py [--check]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from agent.main import app as agent_app
from coordinator.cli.lazy import load
from coordinator.main import app as coordinator_app

OUT = Path(__file__).with_name("commands.md")
HEAD = """# Every command

Written by `python docs/generate_commands.py` from the programs' own help; a test holds them
together. Each command also answers `--help`.
"""


def main() -> None:
    """Writes the page, or compares it."""
    parser = argparse.ArgumentParser(description="Writes docs/commands.md.")
    parser.add_argument("--check", action="store_true", help="fail if the page is not up to date")
    arguments = parser.parse_args()
    text = page()
    if not arguments.check:
        OUT.write_text(text)
    elif text != OUT.read_text():
        sys.exit(f"{OUT} is not what the programs say; run: python docs/generate_commands.py")


def page() -> str:
    """The page in Markdown."""
    parts = [HEAD]
    for name, app in (("help-coord", coordinator_app), ("help-agent", agent_app)):
        command = typer.main.get_command(app)
        parts += _section(name, command, depth=2)
        parts += _children(name, command)
    return "\n".join(parts)


def _children(path: str, group: Any) -> Iterator[str]:
    # Nothing is parsed: a name and a command suffice to ask for the children's names.
    context = group.context_class(group, info_name=path)
    for name in sorted(group.list_commands(context)):
        command = load(group.get_command(context, name))
        if getattr(command, "hidden", False):
            continue
        yield from _section(f"{path} {name}", command, depth=3)
        if hasattr(command, "list_commands"):
            yield from _children(f"{path} {name}", command)


def _section(path: str, command: Any, depth: int) -> Iterator[str]:
    yield f"{'#' * depth} {path}\n"
    yield _paragraphs(command.help or "")
    for parameter in command.params:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        if parameter.param_type_name == "argument":
            names = f"`{parameter.metavar or parameter.name.upper()}`"
        if parameter.name != "help":
            yield f"- {names}: {_line(parameter)}"
    yield ""


def _line(parameter: Any) -> str:
    text = " ".join((getattr(parameter, "help", None) or "").split()) or "see above."
    if parameter.required:
        text += " Required."
    default = parameter.default
    plain = isinstance(default, (str, int, float, Path)) and not isinstance(default, bool)
    if plain and str(default) and "Default:" not in text:
        text += f" Default: {default}."
    variable = getattr(parameter, "envvar", None)
    return text + (f" Variable: `{variable}`." if variable else "")


def _paragraphs(text: str) -> str:
    parts = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(part.split()) for part in parts) + "\n"


if __name__ == "__main__":
    main()
